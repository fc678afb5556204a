import { actor, deadLetter, event } from "@troupe/troupe";
import { ErrorCode, ExpectationError, TestSystem } from "@troupe/troupe/testing";
import { Effect } from "effect";
import { z } from "zod";
import { assert, assertEquals, assertRejects } from "../assert.ts";

const schema = z.object({ id: z.string(), amount: z.number() });
const key = (order: { id: string }) => order.id;
const Ordered = event({ name: "Ordered", topic: "orders", schema, key });
const Shipped = event({ name: "Shipped", topic: "shipments", schema, key });

const shipping = actor({
  name: "shipping",
  receives: [Ordered],
  publishes: [Shipped],
  receive: (order, context) => context.publish(Shipped, order),
});

Deno.test("expect() gives the messages in the order of their key, decoded, and none twice", async () => {
  await using test = await TestSystem.start({ actors: [shipping] });
  for (let amount = 1; amount <= 3; amount++) await test.publish(Ordered, { id: "a", amount });
  const two = await test.expect(Shipped, { count: 2 });
  assertEquals(two.map(({ message }) => message.amount), [1, 2]);
  const [third] = await test.expect(Shipped);
  assertEquals(third.message, { id: "a", amount: 3 });
  assertEquals(third.record.offset, two[0].record.offset + 2);
  await test.expectNone(Shipped);
});

Deno.test("expect() says what was written instead of what it waited for", async () => {
  await using test = await TestSystem.start({ actors: [shipping] });
  await test.publish(Ordered, { id: "a", amount: 1 });
  const before = test.now;
  const failed = test.expect(Shipped, { count: 2, within: 3_000 });
  await assertRejects(() => failed, ExpectationError, "expected 2 × Shipped within 3000 virtual ms, but 1 came");
  await assertRejects(() => failed, ExpectationError, "1 × orders: Ordered");
  assertEquals(test.now - before, 3_000);
  assertEquals((await test.expect(Shipped)).length, 1);
});

Deno.test("expectNone() shows the message that came", async () => {
  await using test = await TestSystem.start({ actors: [shipping] });
  await test.publish(Ordered, { id: "a", amount: 7 });
  await assertRejects(() => test.expectNone(Shipped), ExpectationError, '{"id":"a","amount":7}');
});

Deno.test("retries with minutes of back-off pass in no time, whatever receive returns", async () => {
  const fail = (attempt: number) => {
    if (attempt < 4) throw new Error("not yet");
  };
  const receives = {
    plain: (attempt: number) => fail(attempt),
    promise: async (attempt: number) => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
      fail(attempt);
    },
    effect: (attempt: number) => Effect.andThen(Effect.sleep(1_000), Effect.try(() => fail(attempt))),
  };
  for (const [name, receive] of Object.entries(receives)) {
    const attempts: number[] = [];
    const slow = actor({
      name,
      receives: [Ordered],
      retry: { initial: 60_000, max: 3_600_000, jitter: false },
      receive: (_order, context): unknown => {
        attempts.push(context.attempt);
        return receive(context.attempt);
      },
    });
    await using test = await TestSystem.start({ actors: [slow] });
    const start = test.now;
    await test.publish(Ordered, { id: "a", amount: 1 });
    await test.handled({ within: 3_600_000 });
    assertEquals(attempts, [1, 2, 3, 4], name);
    assert(test.now - start >= 60_000 + 120_000 + 240_000, `${name}: ${test.now - start}`);
  }
});

Deno.test("deadLetters() gives what was given up, with the reason", async () => {
  const picky = actor({
    name: "picky",
    receives: [Ordered],
    retry: { times: 2 },
    receive: (order) => {
      if (order.amount < 0) return deadLetter("less than nothing");
      if (order.amount === 0) throw new Error("nothing");
    },
  });
  await using test = await TestSystem.start({ actors: [picky] });
  assertEquals(await test.deadLetters("orders"), []);
  await test.publish(Ordered, { id: "a", amount: -1 });
  await test.publish(Ordered, { id: "a", amount: 0 });
  await test.publish(Ordered, { id: "a", amount: 1 });
  await test.publish(event({ name: "Ordered", topic: "orders" }), new TextEncoder().encode("no order"));
  const letters = await test.deadLetters("orders", { count: 3 });
  const told = letters.map(({ reason, attempts }) => `${reason} ${attempts}`).toSorted();
  assertEquals(told, ["decode 0", "rejected 1", "retries-exhausted 3"]);
  assertEquals(letters.find(({ reason }) => reason === "rejected")?.error, "less than nothing");
  await test.handled();
});

Deno.test("receiveTimeout is virtual, too", async () => {
  const signals: AbortSignal[] = [];
  const stuck = actor({
    name: "stuck",
    receives: [Ordered],
    receiveTimeout: 600_000,
    retry: { times: 1 },
    receive: (_order, context) => {
      signals.push(context.signal);
      return new Promise(() => {});
    },
  });
  await using test = await TestSystem.start({ actors: [stuck] });
  await test.publish(Ordered, { id: "a", amount: 1 });
  const [{ error }] = await test.deadLetters("orders", { count: 1, within: 1_300_000 });
  assert(error.includes("took longer than 600000 ms"), error);
  assertEquals(signals.map(({ aborted }) => aborted), [true, true]);
});

Deno.test("what happens to requests changes nothing but the time it takes", async () => {
  await using test = await TestSystem.start({ actors: [shipping] });
  test.faults.loseAnswer("Produce");
  test.faults.refuse("Produce", 2);
  test.faults.error("Produce", ErrorCode.NOT_LEADER_OR_FOLLOWER, 2);
  test.faults.delay("Fetch", 400);
  test.faults.never("OffsetCommit");
  test.faults.late("Heartbeat", 200);
  for (let amount = 1; amount <= 5; amount++) await test.publish(Ordered, { id: "a", amount });
  await test.handled({ within: 120_000 });
  const shipped = await test.expect(Shipped, { count: 5 });
  assertEquals(shipped.map(({ message }) => message.amount), [1, 2, 3, 4, 5]);
  assertEquals(test.faults.pending, 0);
  await test.expectNone(Shipped);
});

Deno.test("a broker that is away is waited for", async () => {
  await using test = await TestSystem.start({ actors: [shipping] });
  test.faults.stopBroker();
  await test.advance(30_000);
  assertEquals(test.system.health().ready, false);
  test.faults.startBroker();
  await test.publish(Ordered, { id: "a", amount: 1 });
  await test.expect(Shipped);
  assertEquals(test.system.health().ready, true);
});

Deno.test("crash() leaves work to be repeated, stop() does not", async () => {
  const received: string[] = [];
  let released = 0;
  const noting = actor({
    name: "noting",
    receives: [Ordered],
    resources: () => ({ [Symbol.dispose]: () => void released++ }),
    receive: (order) => void received.push(`${order.id}${order.amount}`),
  });
  await using test = await TestSystem.start({ actors: [noting], partitions: 1, sessionTimeout: 6_000 });
  await test.publish(Ordered, { id: "a", amount: 1 });
  await test.handled();
  await test.publish(Ordered, { id: "a", amount: 2 });
  await test.crash();
  assertEquals([received, released], [["a1", "a2"], 0]);
  await test.restart();
  await test.handled();
  assertEquals(received, ["a1", "a2", "a2"]);
  const { unfinished } = await test.stop();
  assertEquals([unfinished, released], [[], 1]);
  await test.publish(Ordered, { id: "a", amount: 3 });
  await test.restart();
  await test.handled();
  assertEquals(received, ["a1", "a2", "a2", "a3"]);
});

Deno.test("until() waits for a Promise of the program while time passes", async () => {
  await using test = await TestSystem.start({ actors: [shipping] });
  test.faults.stopBroker();
  const answer = test.system.publish(Shipped, { id: "a", amount: 1 });
  await assertRejects(() => test.until(answer, { within: 5_000 }), ExpectationError, "did not settle within 5000");
  test.faults.startBroker();
  assertEquals((await test.until(answer)).topic, "shipments");
});

Deno.test("the same seed gives the same run", async () => {
  const failing = actor({
    name: "failing",
    receives: [Ordered],
    receive: (_order, context) => {
      if (context.attempt < 3) throw new Error("not yet");
      context.publish(Shipped, { id: "a", amount: context.attempt });
    },
  });
  const run = async (seed: number) => {
    await using test = await TestSystem.start({ actors: [failing], events: [Shipped], seed });
    test.faults.loseAnswer("Produce");
    for (let amount = 1; amount <= 5; amount++) await test.publish(Ordered, { id: `${amount}`, amount });
    const shipped = await test.expect(Shipped, { count: 5 });
    return shipped.map(({ record: { offset, timestamp } }) => `${offset}@${timestamp}`).join();
  };
  const runs = new Set<string>();
  for (let seed = 1; seed <= 5; seed++) {
    const first = await run(seed);
    assertEquals(await run(seed), first);
    runs.add(first);
  }
  assertEquals(runs.size, 5);
});

Deno.test("a definition that can't work is refused at the start", async () => {
  await assertRejects(() => TestSystem.start({ actors: [shipping, shipping] }), Error, "two actors are called");
});
