import { actor } from "../../src/actor.ts";
import { timeWarnings } from "../../src/runtime/timeouts.ts";
import { systemSettings } from "../../src/runtime/settings.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { Placed, start, waited, world } from "./systems.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { Effect } from "effect";

const slow = (receiveTimeout?: number) =>
  actor({ name: "slow", receives: [Placed], receiveTimeout, receive: () => {} });

Deno.test("timeWarnings() is silent about the defaults and about what goes together", () => {
  assertEquals(timeWarnings(systemSettings({}), [slow()]), []);
  assertEquals(timeWarnings(systemSettings({ drainTimeout: 60_000 }), [slow(60_000)]), []);
  assertEquals(timeWarnings(systemSettings({ fetch: { maxWait: 9_000 } }), []), []);
});

Deno.test("timeWarnings() names the actors whose receive outlasts a drain, and what to set", () => {
  const [line, ...more] = timeWarnings(systemSettings({}), [slow(60_000)]);
  assertEquals(more, []);
  assertMatch(
    line,
    /^slow: receive may take up to 60000 ms .*20000 ms \(drainTimeout\).* set drainTimeout to 60000 and rebalanceTimeout to 70000 or/,
  );
});

Deno.test("timeWarnings() names the rebalance time-out only where a partition that moves has too little, too", () => {
  const [line] = timeWarnings(systemSettings({ rebalanceTimeout: 90_000 }), [slow(60_000)]);
  assertMatch(line, /20000 ms \(drainTimeout\) when the system stops; .* set drainTimeout to 60000 or more/);
});

Deno.test("timeWarnings() says what a watchdog's time does not hold for", () => {
  const [line, ...more] = timeWarnings(systemSettings({ watchdog: { stuckAfter: 10_000 } }), [slow(20_000), slow(500)]);
  assertEquals(more, []);
  assertMatch(line, /^slow: watchdog.stuckAfter \(10000 ms\) .*receiveTimeout \(up to 20000 ms\)/);
  const [deaf, ...others] = timeWarnings(systemSettings({ watchdog: { silentAfter: 5_000 } }), [slow()]);
  assertEquals(others, []);
  assertMatch(deaf, /^watchdog.silentAfter \(5000 ms\) .*: 21000 ms .*fetch.requestTimeout lower/);
});

Deno.test("timeWarnings() names a fetch that waits longer than a session lasts", () => {
  const [line, ...more] = timeWarnings(systemSettings({ fetch: { maxWait: 10_001 } }), []);
  assertEquals(more, []);
  assertMatch(line, /10001 ms \(fetch.maxWait\)/);
});

Deno.test("a system says once at its start which of its times don't go together", () => {
  const log: Array<string> = [];
  return world(
    Effect.gen(function* () {
      const system = yield* start(new EmbeddedKafka(), [slow(60_000)]);
      yield* waited(system.whenReady(10_000));
      assertEquals(log.filter((line) => line.includes("drainTimeout")).length, 1, log.join("\n"));
    }),
    log,
  );
});
