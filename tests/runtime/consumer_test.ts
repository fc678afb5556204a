import { actor } from "../../src/actor.ts";
import { event } from "../../src/event.ts";
import { TestSystem } from "../../src/testing/test_system.ts";
import { assertEquals } from "../assert.ts";

const Ping = event({ name: "Ping", topic: "pings" });

Deno.test("a member that was expelled while it asked where to begin does not begin", async () => {
  const received: number[] = [];
  const pinged = actor({
    name: "pinged",
    receives: [Ping],
    receive: (_ping, { offset }) => void received.push(offset),
  });
  await using test = await TestSystem.start({ actors: [pinged], partitions: 1, logLevel: "none" });
  await test.stop();
  await test.publish(Ping, new Uint8Array([1]));
  test.faults.delay("OffsetFetch", 15_000);
  test.faults.never("Heartbeat", Infinity);
  await test.restart();
  await test.advance(25_000);
  assertEquals([received, test.faults.pending], [[], Infinity]);
  test.faults.clear();
  await test.handled();
  assertEquals(received, [0]);
});
