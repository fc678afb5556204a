import { TestClock } from "effect/testing";
import { Effect, type Scope } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { Note, note, notes, open, turns } from "./one_partition.ts";

/** Runs an actor on these records for a while; the log lines that tell of them. */
async function linesOf(
  definition: ActorDefinition,
  body: (deliver: (records: ReturnType<typeof notes>) => void) => Effect.Effect<void, never, Scope.Scope>,
): Promise<ReadonlyArray<string>> {
  const log: string[] = [];
  await virtual(Effect.flatMap(open(definition), ({ deliver }) => body(deliver)), log);
  return log;
}

class Broken {
  readonly greeting = "hello";
  receive(): string {
    return this.greeting;
  }
}

Deno.test("a message that fails is said with its error and the place it comes from, and again when it is given up", async () => {
  const definition = actor({
    name: "a",
    receives: [Note],
    retry: { times: 2, initial: 100, jitter: false },
    receive: new Broken().receive,
  });
  const log = await linesOf(definition, (deliver) => {
    deliver(notes(1));
    return advance(1_000, 50);
  });
  assertEquals(log.length, 2);
  assertMatch(log[0], /^receive failed at attempt 1: .*reading 'greeting'.* at .*reports_test\.ts/);
  assertMatch(log[1], /^dead letter, retries-exhausted: .*reading 'greeting'/);
});

Deno.test("a record that can't be read, a message that is rejected or skipped in the end, a batch that fails: each is said", async () => {
  const common = { name: "a", receives: [Note], retry: { times: 0 } } as const;
  const fail = () => {
    throw new Error("no");
  };
  const poison = { ...note("a", 1), value: "{" };
  const kinds: ReadonlyArray<readonly [definition: ActorDefinition, expected: RegExp]> = [
    [actor({ ...common, receive: () => {} }), /^dead letter, decode: notes\/0@0: /],
    [actor({ ...common, onFailure: "skip", receive: fail }), /^skipped, retries exhausted: no$/],
    [actor({ ...common, receiveBatch: fail }), /^receiveBatch failed, .*one by one: no at /],
  ];
  for (const [definition, expected] of kinds) {
    const log = await linesOf(definition, (deliver) => {
      deliver([expected.source.includes("decode") ? poison : note("a", 1)]);
      return turns;
    });
    assertEquals(log.filter((line) => expected.test(line)).length, 1, log.join("\n"));
  }
});

Deno.test("a flood is one line of a kind in ten seconds, which tells how many there were", async () => {
  const definition = actor({ name: "a", receives: [Note], receive: () => {} });
  const poison = { ...note("a", 1), value: "{" };
  const log = await linesOf(definition, (deliver) =>
    Effect.gen(function* () {
      deliver(Array.from({ length: 50 }, () => poison));
      yield* turns;
      yield* TestClock.adjust(10_000);
      deliver([poison]);
      yield* turns;
    }));
  assertEquals(log.length, 2);
  assertMatch(log[1], /\(and 49 more since the last such line\)$/);
});
