// No message overtakes: while the second of Ada's payments fails, her later ones wait behind it in the dead-letter topic, and
// Bob's flow. Redriven, hers come back in order, also those that are paid meanwhile.
import { actor, ActorSystem, DeadLetters, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ account: z.string(), payment: z.number() });
const Paid = event({ name: "Paid", topic: "payments", schema, key: ({ account }) => account });

const bank = { away: true };
const booked: string[] = [];

const booking = actor({
  name: "booking",
  receives: [Paid],
  quarantine: true,
  retry: { times: 1, initial: 10 },
  receive: ({ account, payment }) => {
    if (bank.away && account === "Ada" && payment === 2) throw new Error("the bank is away");
    booked.push(`${account} ${payment}`);
  },
});

const broker = embedded(); // or kafka({ brokers })
await using system = await ActorSystem.start({ actors: [booking], broker, logLevel: "none" });
await using letters = await DeadLetters.connect(broker, { logLevel: "warn" });
for (const payment of [1, 2, 3]) {
  for (const account of ["Ada", "Bob"]) await system.publish(Paid, { account, payment });
}

let found = await letters.list("payments.dlt");
while (found.length < 2 || booked.length < 4) found = await letters.list("payments.dlt");
console.log(found.map(({ source, reason }) => `${reason} @${source.offset}`).join(", "));
console.log(booked.filter((each) => each.startsWith("Ada")).join(", "));
console.log(booked.filter((each) => each.startsWith("Bob")).join(", "));

bank.away = false;
await system.publish(Paid, { account: "Ada", payment: 4 });
const { redriven, unfinished } = await letters.redrive("payments.dlt", { untilFree: true });
console.log(`${redriven} went back, ${unfinished.length === 0 ? "all are free" : unfinished.join()}`);
console.log(booked.filter((each) => each.startsWith("Ada")).join(", "));
