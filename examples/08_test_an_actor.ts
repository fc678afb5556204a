// Testing an actor: the real system on an embedded Kafka, in virtual time. Ten minutes of back-off, a broker that is
// away and a process that dies take milliseconds, and the same seed gives the same run. In a test file each part is the
// body of a Deno.test.
import { actor, deadLetter, event } from "@troupe/troupe";
import { TestSystem } from "@troupe/troupe/testing";
import { z } from "zod";

const schema = z.object({ id: z.string(), amount: z.number() });
const Ordered = event({ name: "Ordered", topic: "orders", schema, key: (order) => order.id });
const Shipped = event({ name: "Shipped", topic: "shipments", schema, key: (order) => order.id });

const shipping = actor({
  name: "shipping",
  receives: [Ordered],
  publishes: [Shipped],
  retry: { times: 5, initial: 60_000 },
  receive: (order, context) => {
    if (order.amount <= 0) return deadLetter("nothing to ship");
    if (context.attempt < 3) throw new Error("no lorry yet");
    context.publish(Shipped, order);
  },
});

await using test = await TestSystem.start({ actors: [shipping], logLevel: "none" });

// It ships at the third attempt, however long that takes.
await test.publish(Ordered, { id: "o-1", amount: 1 });
const [shipped] = await test.expect(Shipped, { within: 600_000 });
console.log(`shipped ${shipped.message.id}`);

// What can't be shipped becomes a dead letter.
await test.publish(Ordered, { id: "o-2", amount: 0 });
const [letter] = await test.deadLetters("orders", { count: 1 });
console.log(`dead letter: ${letter.error}`);

// A process that is killed while it waits for the next attempt has lost nothing, and a broker may be away for a while.
await test.publish(Ordered, { id: "o-3", amount: 1 });
await test.advance(1_000);
await test.crash();
await test.restart();
test.faults.stopBroker();
await test.advance(30_000);
test.faults.startBroker();
const [late] = await test.expect(Shipped, { within: 600_000 });
console.log(`shipped ${late.message.id}`);
