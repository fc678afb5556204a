import { Effect, Exit } from "effect";
import { ConfigError, type ConnectionError, type GroupError } from "@troupe/troupe";
import { partitionForKey } from "../../src/codec/murmur2.ts";
import { loseAnswer, refuse } from "../../src/link/embedded/faults.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { alternating, Office } from "./office.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("redrive() sends letters back in their order, and no second time", () => {
  const office = new Office();
  office.letters(alternating(3));
  const report = office.redrive();
  assertEquals(office.values(), ["a-0", "b-0", "a-1", "b-1", "a-2", "b-2"]);
  assertEquals(report, {
    topic: "orders.dlt",
    dryRun: false,
    read: 6,
    redriven: 6,
    skipped: 0,
    left: 0,
    leftLetters: [],
    reasons: { "retries-exhausted": { read: 6, redriven: 6 } },
    unfinished: [],
  });
  assertEquals(office.redrive().read, 0);
  office.letters([{ key: "a", value: "later" }]);
  assertEquals(office.redrive().redriven, 1);
  assertEquals(office.values().slice(6), ["later"]);
  assert(office.time.now < 5_000); // each has left its group: none waits for the one before to be forgotten
});

Deno.test("redrive() keeps key, value and headers byte for byte, and of its own only the count", () => {
  const office = new Office();
  const value = new Uint8Array([0, 255, 123]);
  office.letters([{
    key: "ä",
    value: "x",
    redrives: 1,
    headers: [["type", bytes("Ordered")], ["trace", null], ["trace", bytes("y")]],
  }]);
  const letter = office.records("orders.dlt")[0];
  office.write([{ ...letter, value }, { ...letter, key: null, value: null, partition: 0 }]);
  office.redrive();
  const [first, second, third] = office.records("orders");
  assertEquals([first.key, second.value, third.key, third.value], [bytes("ä"), value, null, null]);
  assertEquals(first.headers, [
    ["type", bytes("Ordered")],
    ["trace", null],
    ["trace", bytes("y")],
    ["dlt-redrives", bytes("2")],
  ]);
});

Deno.test("redrive() sends what its filters mean; what they leave is there for the next run, and never twice", () => {
  const office = new Office();
  office.letters([
    { key: "a", value: "a-decode", reason: "decode" },
    { key: "a", value: "a-killed", reason: "killed-actor" },
    { key: "b", value: "b-decode", reason: "decode", actor: "billing" },
    { key: null, value: "none" },
    { key: "b", value: "b-rejected", reason: "rejected" },
  ]);
  const report = office.redrive({ reason: ["decode", "rejected"], key: "b" });
  assertEquals([report.read, report.redriven, report.skipped], [5, 2, 3]);
  assertEquals(report.reasons, {
    decode: { read: 2, redriven: 1 },
    "killed-actor": { read: 1, redriven: 0 },
    "retries-exhausted": { read: 1, redriven: 0 },
    rejected: { read: 1, redriven: 1 },
  });
  assertEquals(office.values(), ["b-decode", "b-rejected"]);
  assertEquals(office.listed(), ["a-decode", "a-killed", "none"]);
  assertEquals(office.redrive({ actor: "billing" }).redriven, 0);
  assertEquals(office.redrive({ reason: "killed-actor" }).redriven, 1);
  assertEquals(office.listed(), ["a-decode", "none"]);
  assertEquals(office.redrive().redriven, 2);
  assertEquals(office.values(), ["b-decode", "b-rejected", "a-killed", "a-decode", "none"]);
  assertEquals(office.redrive().read, 0);
});

Deno.test("redrive() and list() take letters of a time: from one on, and before another", () => {
  const office = new Office();
  for (const value of ["one", "two", "three"]) {
    office.run(Effect.sleep(1_000));
    office.letters([{ key: value, value }]);
  }
  const [one, two, three] = office.records("orders.dlt").map(({ timestamp }) => new Date(timestamp));
  assertEquals(office.listed({ since: two }), ["two", "three"]);
  assertEquals(office.listed({ until: two }), ["one"]);
  assertEquals(office.redrive({ since: two, until: three }).redriven, 1);
  assertEquals(office.values(), ["two"]);
  assertEquals(office.redrive({ until: one }).redriven, 0);
});

Deno.test("list() shows what stands in the headers, and no more letters than asked for", () => {
  const office = new Office();
  office.letters(alternating(2, { redrives: 2, actor: "billing", reason: "rejected" }));
  assertEquals(office.listed({ limit: 3 }), ["a-0", "b-0", "a-1"]);
  assertEquals(office.listed({ key: [bytes("b")] }), ["b-0", "b-1"]);
  assertEquals(office.values(), []);
});

Deno.test("redrive() on a dry run counts the same, sends nothing and remembers nothing", () => {
  const office = new Office();
  office.letters([...alternating(2), { key: "c", value: "c-0", redrives: 3 }, {
    key: "d",
    value: "d",
    reason: "decode",
  }]);
  const options = { reason: "retries-exhausted" as const };
  const planned = office.redrive({ ...options, dryRun: true });
  assertEquals([planned.read, planned.redriven, planned.skipped, planned.left], [6, 4, 1, 1]);
  assertEquals(office.values(), []);
  assertEquals(office.redrive(options), { ...planned, dryRun: false });
  assertEquals(office.values().length, 4);
});

Deno.test("redrive() leaves letters that were redriven too often, and names them", () => {
  const office = new Office();
  office.letters([{ key: "a", value: "thrice", redrives: 3 }, { key: "b", value: "twice", redrives: 2 }]);
  const report = office.redrive();
  assertEquals([report.redriven, report.left], [1, 1]);
  const [left] = report.leftLetters;
  assertEquals([left.topic, left.partition, left.offset, left.why], ["orders.dlt", 0, 0, "redriven-too-often"]);
  assertStringIncludes(left.detail, "3 times");
  assertEquals([office.values(), office.redrives()], [["twice"], ["3"]]);
  assertEquals(office.redrive({ maxRedrives: 4 }).redriven, 1);
  assertEquals(office.redrives(), ["3", "4"]);
});

Deno.test("redrive() leaves what is no letter, and letters whose topic is gone, and goes on", () => {
  const office = new Office();
  office.write([{ topic: "orders.dlt", partition: 0, key: "x", value: "by hand" }]);
  office.letters([
    { key: "a", value: "gone", topic: "no-such-topic" },
    { key: "a", value: "round", topic: "orders.dlt" },
    { key: "a", value: "good" },
  ]);
  const { leftLetters, redriven } = office.redrive();
  assertEquals(leftLetters.map(({ offset, why }) => `${offset} ${why}`), [
    "0 not-a-letter",
    "1 not-sent",
    "2 not-a-letter",
  ]);
  assertStringIncludes(leftLetters[1].detail, "no-such-topic");
  assertEquals([redriven, office.values()], [1, ["good"]]);
});

Deno.test("redrive() keeps a key's later letters behind one that can't be sent", () => {
  const office = new Office();
  office.create({ small: 1 }, { "max.message.bytes": "1000" });
  office.letters(alternating(1, { topic: "small" }));
  office.letters([{ key: "a", value: "x".repeat(2_000), topic: "small" }]);
  office.letters(alternating(2, { topic: "small" }));
  const report = office.redrive();
  assertEquals(report.redriven, 4);
  assertEquals(office.values("small"), ["a-0", "b-0", "b-0", "b-1"]);
  assertEquals(report.leftLetters.map(({ offset, why }) => `${offset} ${why}`), [
    "2 not-sent",
    "3 not-sent",
    "5 not-sent",
  ]);
  assertEquals(office.listed().length, 3);
});

Deno.test("redrive() ends at the ends it saw at the start, whatever becomes of what it sends", () => {
  const office = new Office();
  office.letters(alternating(5));
  const running = office.begin({ rate: 10 });
  office.until(() => office.values().length >= 3);
  office.letters([{ key: "a", value: "again" }]);
  const exit = office.ended(running);
  assert(Exit.isSuccess(exit));
  assertEquals(exit.value.redriven, 10);
  assertEquals(running.process.alive, { fibers: 0, timers: 0 });
  assertEquals(office.listed(), ["again"]);
});

Deno.test("redrive() sends no more letters a second than it may", () => {
  const office = new Office(2);
  office.letters(alternating(10, { partition: 1 }));
  office.letters(alternating(5));
  const before = office.time.now;
  const running = office.begin({ rate: 20 });
  const at: number[] = [];
  while (running.fiber.pollUnsafe() === undefined) {
    office.time.step();
    while (at.length < office.values().length) at.push(office.time.now - before);
  }
  assertEquals(at.length, 30);
  for (let i = 0; i + 20 < at.length; i++) assert(at[i + 20] - at[i] >= 990, `${at[i]} to ${at[i + 20]}`);
  assert(at[29] - at[0] < 2_500, `${at[29] - at[0]} ms`);
});

Deno.test("redrive() with a limit sends so many; the next run goes on behind them", () => {
  const office = new Office(2);
  office.letters(alternating(3, { partition: 1 }));
  office.letters(alternating(3));
  assertEquals(office.redrive({ limit: 4 }).redriven, 4);
  assertEquals(office.values().length, 4);
  assertEquals(office.redrive({ limit: 100 }).redriven, 8);
  assertEquals(office.values().toSorted(), office.values("orders.dlt").toSorted());
});

Deno.test("a redrive that is killed is gone on with: nothing is lost, at most the last 100 letters come twice", () => {
  for (const after of [1, 99, 150, 380]) {
    const office = new Office();
    office.letters(Array.from({ length: 400 }, (_, i) => ({ key: `k-${i % 7}`, value: String(i) })));
    const running = office.begin();
    office.until(() => office.values().length >= after);
    running.process.kill();
    running.link.cut();
    const first = office.values().length;
    const report = office.redrive(); // waits until the group has forgotten the dead one
    const values = office.values();
    assertEquals(new Set(values).size, 400);
    const twice = values.length - 400;
    assert(twice <= 100, `${twice} twice after ${first}`);
    assertEquals(report.redriven, 400 - first + twice);
    for (let key = 0; key < 7; key++) {
      const later = values.slice(first).map(Number).filter((i) => i % 7 === key);
      assertEquals(later, later.toSorted((a, b) => a - b));
    }
  }
});

Deno.test("a redrive that is interrupted remembers what went back, and leaves its group at once", () => {
  const office = new Office();
  office.letters(alternating(200));
  const running = office.begin({ rate: 100 });
  office.until(() => office.values().length >= 130);
  running.fiber.interruptUnsafe();
  assert(Exit.hasInterrupts(office.ended(running)));
  assertEquals(running.process.alive, { fibers: 0, timers: 0 });
  const [before, sent] = [office.time.now, office.values().length];
  assertEquals(office.redrive().redriven, 400 - sent);
  assert(office.time.now - before < 5_000);
  assertEquals(office.values(), office.values("orders.dlt"));
});

Deno.test("two redrives of a topic don't run at once: the later one waits, or says who is in the way", () => {
  const office = new Office();
  office.letters(alternating(20));
  const first = office.begin({ rate: 10 });
  office.until(() => office.values().length >= 2);
  const error = office.refusal({}, 1_000) as GroupError;
  assertEquals([error._tag, error.groupId, error.type], ["GroupError", "orders.dlt.redrive", "NON_EMPTY_GROUP"]);
  assertStringIncludes(error.message, "another redrive of orders.dlt is under way");
  const second = office.begin();
  const exits = [first, second].map((running) => office.ended(running));
  assertEquals(exits.map((exit) => Exit.isSuccess(exit) && exit.value.redriven), [40, 0]);
  assertEquals(office.values(), office.values("orders.dlt"));
});

Deno.test("redrives that begin at the same moment send nothing twice", () => {
  const office = new Office(4);
  office.letters([0, 1, 2, 3].flatMap((partition) => alternating(10, { partition })));
  const running = [office.begin(), office.begin(), office.begin()];
  const exits = running.map((each) => office.ended(each));
  for (const exit of exits) {
    if (Exit.isSuccess(exit)) continue;
    assertEquals((exit.cause.reasons[0] as unknown as { error: GroupError }).error.type, "NON_EMPTY_GROUP");
  }
  office.redrive();
  assertEquals(office.values().toSorted(), office.values("orders.dlt").toSorted());
});

Deno.test("redrive() loses and repeats nothing when answers are lost and requests are dropped", () => {
  const office = new Office();
  office.letters(alternating(120));
  let requests = 0;
  office.kafka.intercept = ({ api }) => {
    if (!["Produce", "OffsetCommit", "Fetch", "Heartbeat", "OffsetFetch"].includes(api)) return null;
    return ++requests % 3 === 0 ? loseAnswer : requests % 7 === 0 ? refuse : null;
  };
  const exit = office.ended(office.begin({}, 60_000));
  office.kafka.intercept = null;
  assert(Exit.isSuccess(exit), String(exit));
  assertEquals(office.values(), office.values("orders.dlt"));
  assertEquals(office.redrive().read, 0);
});

Deno.test("redrive() fails when the brokers take nothing for its time-out, and the next one goes on", () => {
  const office = new Office();
  office.letters(alternating(100));
  const running = office.begin({ rate: 100 }, 3_000);
  office.until(() => office.values().length >= 50);
  office.kafka.intercept = ({ api }) => api === "Produce" ? refuse : null;
  const exit = office.ended(running);
  office.kafka.intercept = null;
  assert(Exit.isFailure(exit));
  const { error } = exit.cause.reasons[0] as unknown as { error: ConnectionError };
  assertEquals(error._tag as string, "PublishError");
  office.redrive();
  assertEquals(office.values(), office.values("orders.dlt"));
});

Deno.test("redrive() sends a record to its key's partition of now, or where it came from if that was not by key", () => {
  const office = new Office(2);
  office.create({ grown: 5, narrow: 1 });
  const byKey = ["a", "b", "c", "d"].map((key) => ({ key, value: key, partition: partitionForKey(bytes(key), 2) }));
  const other = { key: "e", value: "e", partition: 1 - partitionForKey(bytes("e"), 2) };
  const none = { key: null, value: "none", partition: 1 };
  const all = [...byKey, other, none];
  office.letters(all);
  office.letters(all.map((letter) => ({ ...letter, topic: "grown" })));
  office.letters([{ ...none, topic: "narrow" }, { ...other, topic: "narrow" }]);
  assertEquals(office.redrive().redriven, 14);
  const places = (topic: string) =>
    Object.fromEntries(
      office.records(topic).map(({ partition, value }) => [new TextDecoder().decode(value!), partition]),
    );
  const kept = { e: other.partition, none: 1 };
  assertEquals(places("orders"), {
    ...Object.fromEntries(byKey.map(({ key, partition }) => [key, partition])),
    ...kept,
  });
  assertEquals(places("grown"), {
    ...Object.fromEntries(byKey.map(({ key }) => [key, partitionForKey(bytes(key), 5)])),
    ...kept,
  });
  assertEquals(places("narrow"), { none: 0, e: 0 });
});

Deno.test("redrive() sends a letter in quarantine to the partition it came from, with its turn and its group", () => {
  const office = new Office(2);
  office.create({ grown: 5 });
  const key = "abcdefgh".split("").find((key) => partitionForKey(bytes(key), 2) !== partitionForKey(bytes(key), 5))!;
  const partition = partitionForKey(bytes(key), 2);
  office.letters([{ key, value: "x", topic: "grown", partition, turn: "7/5" }, { key: "z", value: "y", partition }]);
  assertEquals(office.redrive().redriven, 2);
  const [record] = office.records("grown");
  assertEquals([record.partition, record.headers], [partition, [
    ["dlt-redrives", bytes("1")],
    ["dlt-group", bytes("shipping")],
    ["dlt-turn", bytes("7/5")],
  ]]);
  assertEquals(office.records("orders")[0].headers, [["dlt-redrives", bytes("1")]]);
});

Deno.test("redrive() stops in words where more single letters are marked than it can remember", () => {
  const office = new Office();
  office.letters(alternating(700));
  const report = office.redrive({ key: "b" });
  assert(report.redriven >= 400 && report.redriven < 700, String(report.redriven));
  assertEquals(report.unfinished.length, 1);
  assertStringIncludes(report.unfinished[0], "Admin.resetOffsets");
  assertEquals(office.redrive({ key: "b" }).redriven, 0);
  const rest = office.redrive();
  assertEquals([rest.redriven, rest.unfinished], [1_400 - report.redriven, []]);
  assertEquals(office.values().toSorted(), office.values("orders.dlt").toSorted());
});

Deno.test("options of redrive() and list() that can't be meant are refused by name", () => {
  const office = new Office();
  const field = (options: object) => (office.refusal(options) as ConfigError).field;
  assertEquals(field({ rate: 0 }), "options.rate");
  assertEquals(field({ maxRedrives: 0 }), "options.maxRedrives");
  assertEquals(field({ reason: "decoded" }), "options.reason");
  assertEquals(field({ reasons: ["decode"] }), "options.reasons");
  assert(office.refusal({ since: new Date(NaN) }) instanceof ConfigError);
});
