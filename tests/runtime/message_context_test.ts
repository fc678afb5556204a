import { Effect } from "effect";
import { actor } from "../../src/actor.ts";
import type { ActorContext } from "../../src/context.ts";
import { ContextFenced } from "../../src/errors.ts";
import type { ProducerRecord } from "../../src/record.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { utf8 } from "../codec/batch_bytes.ts";
import { Echo, Note, note, open, turns } from "./one_partition.ts";

const decoder = new TextDecoder();
const headersOf = ({ headers = [] }: ProducerRecord) =>
  headers.map(([name, value]) => [name, value === null ? null : decoder.decode(value)]);

Deno.test("a context says which record, which attempt, which resources and whether the lease holds", () =>
  virtual(Effect.gen(function* () {
    let checked = 0;
    const one = yield* open(
      actor({
        name: "a",
        receives: [Note],
        resources: () => ({ n: 5 }),
        receive: (_, context) => {
          checked++;
          const { actor, topic, partition, offset, timestamp, key, attempt, resources, record } = context;
          assertEquals([actor, topic, partition, offset, timestamp, key, attempt], ["a", "notes", 0, 7, 1_000, "k", 1]);
          assertEquals(resources, { n: 5 });
          assertEquals(context.headers, [["h", null]]);
          assertEquals([record.topic, record.partition, record.offset, record.timestamp], ["notes", 0, 7, 1_000]);
          assertEquals(decoder.decode(record.value ?? undefined), '{"key":"k","n":1}');
          assertEquals([context.lease.held(), context.lease.generation], [true, 1]);
          assert(!context.signal.aborted);
        },
      }),
      { position: 7 },
    );
    one.deliver([note("k", 1, [["h", null]])]);
    yield* turns;
    assertEquals([checked, one.counters.failed], [1, 0]);
  })));

Deno.test("publish() names the event in a header, passes traceparent on and adds what it is given", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }, context) => {
        context.publish(Echo, "plain");
        const headers = { traceparent: "mine", bytes: new Uint8Array([65]), none: null };
        if (n === 1) context.publish(Echo, "full", { key: null, partition: 3, timestamp: 9, headers });
      },
    }));
    one.deliver([note("a", 0), note("a", 1, [["traceparent", utf8("00-abc")]])]);
    yield* turns;
    const [plain, traced, full] = one.sender.offered.map(({ record }) => record);
    assertEquals([plain.topic, plain.key, plain.value, plain.partition], ["out", "plain", '"plain"', undefined]);
    assertEquals(headersOf(plain), [["type", "Echo"]]);
    assertEquals(headersOf(traced), [["type", "Echo"], ["traceparent", "00-abc"]]);
    assertEquals(headersOf(full), [["type", "Echo"], ["traceparent", "mine"], ["bytes", "A"], ["none", null]]);
    assertEquals([full.key, full.partition, full.timestamp], [null, 3, 9]);
  })));

Deno.test("a context is closed once its message is settled", () =>
  virtual(Effect.gen(function* () {
    const contexts: ActorContext[] = [];
    const signals: AbortSignal[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: (_, context) => {
        contexts.push(context);
        signals.push(context.signal);
      },
    }));
    one.deliver([note("a", 0)]);
    yield* turns;
    assertThrows(() => contexts[0].publish(Echo, "late"), ContextFenced, "a: the context of notes/0@0 is closed");
    assert(!signals[0].aborted, "a message that succeeded was not given up");
    assertEquals(one.sender.offered.length, 0);
  })));

Deno.test("log writes lines that say where they come from", async () => {
  const lines: string[] = [];
  await virtual(
    Effect.gen(function* () {
      const one = yield* open(actor({
        name: "a",
        receives: [Note],
        receive: (_, { log }) => log.warn("careful", { more: 1 }),
      }));
      one.deliver([note("a", 0)]);
      yield* turns;
    }),
    lines,
  );
  assertEquals(lines, ["careful"]);
});
