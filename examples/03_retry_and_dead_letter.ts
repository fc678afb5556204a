// What failure looks like: a throw is retried with growing pauses, a message that can never succeed becomes a dead
// letter, and dead letters stand on a topic like any other that an actor may read.
import { actor, ActorSystem, deadLetter, embedded, event, headerText } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ id: z.string(), amount: z.number() });
const key = (payment: { id: string }) => payment.id;
const Paid = event({ name: "Paid", topic: "payments", schema, key });
const PaidInVain = event({ name: "Paid", topic: "payments.dlt", schema, key }); // a letter keeps its record's type

const booked = Promise.withResolvers<void>();
const collected = Promise.withResolvers<void>();

const bookkeeper = actor({
  name: "bookkeeper",
  receives: [Paid],
  retry: { times: 3, initial: 10 },
  receive: (payment, context) => {
    if (payment.amount < 0) return deadLetter("nobody pays less than nothing");
    if (context.attempt < 3) throw new Error("the ledger is locked");
    console.log(`booked ${payment.id} at attempt ${context.attempt}`);
    booked.resolve();
  },
});

const collector = actor({
  name: "collector",
  receives: [PaidInVain],
  receive: (payment, context) => {
    console.log(`dead letter ${payment.id}: ${headerText(context.headers, "dlt-reason")}`);
    collected.resolve();
  },
});

await using system = await ActorSystem.start({
  actors: [bookkeeper, collector],
  broker: embedded(),
  logLevel: "error",
});
await system.publish(Paid, { id: "p-1", amount: 5 });
await system.publish(Paid, { id: "p-2", amount: -5 });
await Promise.all([booked.promise, collected.promise]);
