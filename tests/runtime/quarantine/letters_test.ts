/** Letters of keys in quarantine, and publications that fail. */
import { Effect } from "effect";
import { z } from "zod";
import { actor } from "../../../src/actor.ts";
import { event } from "../../../src/event.ts";
import { deadLetter, skip } from "../../../src/outcome.ts";
import { readTurn } from "../../../src/dead_letter/turn.ts";
import { headerText, type ProducerRecord, type RecordHeaders } from "../../../src/record.ts";
import { decodeOffsetMap } from "../../../src/runtime/offset_map.ts";
import { assertEquals } from "../../assert.ts";
import { advance, virtual } from "../../client/virtual.ts";
import { publishError, valueOf } from "../fake_sender.ts";
import { Echo, ended, Note, note, type OnePartition, open, turns } from "../one_partition.ts";

const bytes = new TextEncoder();

/** Publishes each note but those in `broken`, which fail. */
function echoing(broken: Set<string>, seen: string[] = []) {
  return actor({
    name: "a",
    receives: [Note],
    publishes: [Echo],
    quarantine: true,
    retry: { times: 0 },
    restart: { initial: 10, max: 100 },
    receive: ({ key, n }, context) => {
      seen.push(`${key}${n}`);
      if (broken.has(`${key}${n}`)) throw new Error("no");
      context.publish(Echo, `${key}${n}`);
    },
  });
}

/** A record that came back. */
const returned = (key: string, n: number, turn: string) => {
  const headers: RecordHeaders = [["dlt-group", bytes.encode("a")], ["dlt-turn", bytes.encode(turn)]];
  return note(key, n, headers);
};
const isLetter = ({ topic }: ProducerRecord) => topic === "notes.dlt";
const isEcho = (value: string) => (record: ProducerRecord) =>
  record.topic === "out" && valueOf(record) === JSON.stringify(value);
const lettersOf = (one: OnePartition) =>
  one.sender.offered.map(({ record }) => record).filter(isLetter).map((record) => {
    const { key, n } = JSON.parse(valueOf(record));
    return `${key}${n} ${headerText(record.headers ?? [], "dlt-turn")}`;
  });
const quarantined = (one: OnePartition) => {
  const commit = one.partition.uncommitted();
  return commit &&
    decodeOffsetMap(commit.offset, commit.metadata).quarantined?.map(({ served, last }) => [served, last]);
};

Deno.test("quarantine: a letter waits until what came before it of its key is published; it counts once those before it are written", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing(new Set(["a1"])));
    one.deliver([note("a", 0), note("a", 1), note("a", 2), note("b", 0)]);
    yield* turns;
    assertEquals(lettersOf(one), []);
    one.sender.settle(null, isEcho("a0"));
    yield* advance(100);
    assertEquals(lettersOf(one), ["a1 1/-1", "a2 2/1"]);
    assertEquals([quarantined(one), one.partition.quarantine?.size], [undefined, 1]);
    one.sender.settle(null, (record) => isLetter(record) && valueOf(record).includes("2"));
    assertEquals([one.partition.position, quarantined(one)], [1, undefined], "the one before it is not written");
    one.sender.settle();
    assertEquals([one.partition.position, quarantined(one)], [4, [[0, 2]]]);
  })));

Deno.test("quarantine: what waits behind a publication that fails is received again, and is no letter", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const broken = new Set(["a1"]);
    const one = yield* open(echoing(broken, seen));
    one.deliver([note("a", 0), note("a", 1), note("a", 2)]);
    yield* turns;
    broken.clear();
    one.sender.settle(publishError("DELIVERY_TIMEOUT"), isEcho("a0"));
    yield* advance(1_000);
    assertEquals(seen, ["a0", "a1", "a0", "a1", "a2"]);
    one.sender.settle();
    assertEquals([one.partition.position, lettersOf(one), one.partition.quarantine?.size], [3, [], 0]);
  })));

Deno.test("quarantine: a key is served only by what is published; what was received after that is taken back with it", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const broken = new Set(["a0"]);
    const one = yield* open(echoing(broken, seen));
    one.deliver([note("a", 0), note("a", 1)]);
    yield* turns;
    one.sender.settle();
    yield* advance(100);
    one.sender.settle();
    broken.clear();
    one.deliver([returned("a", 0, "0/-1"), returned("a", 1, "1/0"), note("a", 2)]);
    yield* turns;
    assertEquals(seen, ["a0", "a0", "a1", "a2"]);
    assertEquals([one.partition.quarantine?.size, quarantined(one)], [0, [[-1, 1]]]);
    one.sender.settle(null, isEcho("a1"));
    assertEquals(quarantined(one), [[-1, 1]], "a0 is not published");
    broken.add("a0");
    one.sender.settle(publishError("DELIVERY_TIMEOUT"), isEcho("a0"));
    yield* advance(1_000);
    one.sender.settle();
    for (let i = 0; i < 3; i++) {
      yield* advance(100);
      one.sender.settle();
    }
    assertEquals(seen.slice(4), ["a0"]);
    assertEquals(lettersOf(one), ["a0 0/-1", "a1 1/0", "a0 0/-1", "a1 1/0", "a2 4/1"]);
    assertEquals([one.partition.position, quarantined(one)], [5, [[-1, 4]]]);
  })));

Deno.test("quarantine: turns of another group, and what is none, are those of fresh messages", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing(new Set(["a0"])));
    const other: RecordHeaders = [["dlt-group", bytes.encode("b")], ["dlt-turn", bytes.encode("0/-1")]];
    one.deliver([note("a", 0), note("a", 1, other), returned("a", 2, "0/1"), returned("a", 3, "x")]);
    for (let i = 0; i < 4; i++) {
      yield* advance(100);
      one.sender.settle();
    }
    assertEquals(lettersOf(one), ["a0 0/-1", "a1 1/0", "a2 2/1", "a3 3/2"]);
    for (const turn of [undefined, "", "1", "1/1", "1/2", "-1/-2", "1/-2", "1/0/0", "1e3/0"]) {
      assertEquals(readTurn(turn), null, turn);
    }
    assertEquals(readTurn("12/-1"), { at: 12, after: -1 });
  })));

Deno.test("quarantine: letters of a key go a hundred at a time, each hundred after the one before", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing(new Set(["a0"])));
    one.deliver(Array.from({ length: 250 }, (_, n) => note("a", n)));
    yield* advance(100);
    const counts = [lettersOf(one).length];
    while (one.partition.position < 250) {
      one.sender.settle();
      yield* advance(100);
      counts.push(lettersOf(one).length);
    }
    assertEquals(counts, [1, 101, 201, 250, 250]);
    assertEquals(lettersOf(one), Array.from({ length: 250 }, (_, n) => `a${n} ${n}/${n - 1}`));
  })));

Deno.test("quarantine: a letter that is refused holds back those with and behind it; drained, all are the next owner's", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing(new Set(["a0"])));
    one.deliver([note("a", 0)]);
    yield* turns;
    one.sender.settle();
    one.deliver([note("a", 1), note("a", 2), note("b", 0)]);
    yield* advance(100);
    one.deliver([note("a", 3)]);
    yield* advance(100);
    one.sender.settle(
      publishError("TOPIC_AUTHORIZATION_FAILED", "notes.dlt"),
      (record) => valueOf(record).includes("1"),
    );
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLettersWaiting, quarantined(one)], [1, 1, [[-1, 0]]]);
    one.partition.drain();
    yield* advance(100);
    assertEquals([ended(one), one.partition.position, quarantined(one)], [true, 1, [[-1, 0]]]);
    assertEquals(one.counters.deadLetters.quarantined, 0);
  })));

Deno.test("quarantine: what came back is served also where it is skipped, or passed over", () =>
  virtual(Effect.gen(function* () {
    const Other = event({ name: "Other", topic: "notes", schema: z.unknown(), key: () => "a" });
    const skipping = actor({
      name: "a",
      receives: [Note],
      quarantine: true,
      receive: ({ n }, { offset }) => offset < 2 ? deadLetter("not yet") : n === 0 ? skip() : undefined,
    });
    const one = yield* open(skipping, { events: [Note, Other] });
    const typed = (headers: RecordHeaders, type: string): RecordHeaders => [...headers, ["type", bytes.encode(type)]];
    const back = (n: number, turn: string, type: string) => {
      const record = returned("a", n, turn);
      return { ...record, headers: typed(record.headers ?? [], type) };
    };
    one.deliver([note("a", 0, typed([], "Note")), note("a", 1, typed([], "Note")), note("a", 9, typed([], "Other"))]);
    for (let i = 0; i < 3; i++) {
      yield* advance(100);
      one.sender.settle();
    }
    assertEquals([lettersOf(one), quarantined(one), one.counters.ignored], [["a0 0/-1", "a1 1/0"], [[-1, 1]], 1]);
    one.deliver([back(1, "1/0", "Other")]); // before its turn, also where nobody receives it any more
    yield* advance(100);
    one.sender.settle();
    assertEquals([lettersOf(one).slice(2), quarantined(one)], [["a1 1/0"], [[-1, 1]]]);
    one.deliver([back(0, "0/-1", "Note"), back(1, "1/0", "Other")]);
    yield* advance(100);
    assertEquals([one.counters.skipped, one.counters.ignored], [1, 2]);
    assertEquals([one.partition.position, one.partition.quarantine?.size, quarantined(one)], [6, 0, undefined]);
  })));
