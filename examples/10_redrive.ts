// Dead letters sent back: while the warehouse is away all orders become dead letters; once it is back they are looked at,
// redriven in the order of their keys, and shipped. A second redrive finds nothing to do.
import { actor, ActorSystem, DeadLetters, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ customer: z.string(), order: z.number() });
const Ordered = event({ name: "Ordered", topic: "orders", schema, key: ({ customer }) => customer });

const warehouse = { away: true };
const shipped = Promise.withResolvers<void>();
let count = 0;

const shipping = actor({
  name: "shipping",
  receives: [Ordered],
  retry: { times: 1, initial: 10 },
  receive: ({ customer, order }) => {
    if (warehouse.away) throw new Error("the warehouse is away");
    console.log(`shipped ${customer}'s order ${order}`);
    if (++count === 3) shipped.resolve();
  },
});

const broker = embedded(); // or kafka({ brokers })
await using system = await ActorSystem.start({ actors: [shipping], broker, logLevel: "none" });
await using letters = await DeadLetters.connect(broker, { logLevel: "warn" });
for (const order of [1, 2, 3]) await system.publish(Ordered, { customer: "Ada", order });

let found = await letters.list("orders.dlt");
while (found.length < 3) found = await letters.list("orders.dlt");
const [{ source, reason, error, attempts }] = found;
console.log(`${source.topic}: ${reason} after ${attempts} attempts: ${error}`);

warehouse.away = false;
const filter = { reason: "retries-exhausted", actor: "shipping" } as const;
const planned = await letters.redrive("orders.dlt", { ...filter, dryRun: true });
console.log(`would send ${planned.redriven} of ${planned.read}`);
const done = await letters.redrive("orders.dlt", { ...filter, rate: 100 });
console.log(`sent ${done.redriven}`);
await shipped.promise;
console.log(`sent ${(await letters.redrive("orders.dlt", filter)).redriven}`);
