import { Effect } from "effect";
import { Connected } from "../../src/admin/connected.ts";
import { ConfigError, ConnectionError } from "../../src/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";

Deno.test("close() rejects what is under way and what comes later, and ends the connections when that has ended", async () => {
  const events: string[] = [];
  const say = (event: string) => Effect.sync(() => void events.push(event));
  const connected = await Connected.open(Effect.as(Effect.addFinalizer(() => say("connections end")), 42), "none");
  // What a call has begun it finishes, which takes its time.
  const call = Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(5), say("the call ends")));
  const answers = [connected.run(call), connected.run(call, new AbortController().signal)].map((answer) =>
    assertRejects(() => answer, ConnectionError, "broker b: closed: not any more")
  );
  await connected.close("b", "not any more");
  await Promise.all(answers);
  assertEquals(events, ["the call ends", "the call ends", "connections end"]);
  await assertRejects(() => connected.run(Effect.succeed(1)), ConnectionError, "not any more");
  await connected.close("b", "twice");
  assertEquals([connected.calls, events.length], [42, 3]);
});

Deno.test("a client that can't be made leaves nothing open", async () => {
  let open = 1;
  const make = Effect.andThen(
    Effect.addFinalizer(() => Effect.sync(() => void open--)),
    Effect.fail(new ConfigError("brokers", "none")),
  );
  await assertRejects(() => Connected.open(make, "none"), ConfigError, "brokers: none");
  assertEquals(open, 0);
  await assertRejects(() => Connected.open(make, "loud" as "none"), ConfigError, "logLevel");
});
