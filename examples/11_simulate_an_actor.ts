// Simulating an actor: the real system under random failures, in virtual time. Processes are killed and started, the
// broker is away, requests fail; a seed says which, and gives the same each time. In a test file each call of `simulate`
// is the body of a Deno.test.
import { actor, event } from "@troupe/troupe";
import { simulate, type SimulatedProcess, SimulationError } from "@troupe/troupe/testing";
import { z } from "zod";

const schema = z.object({ account: z.string(), amount: z.number() });
const Paid = event({ name: "Paid", topic: "payments", schema, key: (paid) => paid.account });
type Payment = z.infer<typeof schema>;

// The world outlives processes: here it is a database of balances, which takes its time.
class Ledger {
  readonly booked = new Map<string, number[]>();
  async book(process: SimulatedProcess<Ledger>, { account, amount }: Payment): Promise<void> {
    await process.sleep(process.chance.between(1, 50));
    this.booked.set(account, [...this.booked.get(account) ?? [], amount]);
  }
}

// The first bookkeeper does not wait for the ledger: what it says is done may never be.
const hasty = (process: SimulatedProcess<Ledger>) =>
  actor({
    name: "bookkeeper",
    receives: [Paid],
    receive: (paid) => {
      process.world.book(process, paid).catch(() => {});
    },
  });

const careful = (process: SimulatedProcess<Ledger>) =>
  actor({ name: "bookkeeper", receives: [Paid], receive: (paid) => process.world.book(process, paid) });

const run = (bookkeeper: typeof hasty) =>
  simulate({
    schedules: 20,
    world: () => new Ledger(),
    actors: (process) => [bookkeeper(process)],
    produce: (publish, chance) => {
      for (let amount = 1; amount <= 10; amount++) publish(Paid, { account: `a${chance.between(1, 2)}`, amount });
    },
    // What only this program can know: each payment is in the ledger, the first time in the order it was made.
    check: ({ world, produced }) => {
      const made = new Map<string, number[]>();
      for (const { message } of produced) {
        const { account, amount } = message as Payment;
        made.set(account, [...made.get(account) ?? [], amount]);
      }
      for (const [account, amounts] of made) {
        const booked = [...new Set(world.booked.get(account))];
        if (booked.join() !== amounts.join()) throw new Error(`${account}: paid ${amounts}, booked ${booked}`);
      }
    },
  });

try {
  await run(hasty);
} catch (error) {
  if (!(error instanceof SimulationError)) throw error;
  console.log(`hasty: found, and ${error.script.length <= 6 ? "small" : "large"}`); // error.message says the rest
}

const { schedules } = await run(careful);
console.log(`careful: ${schedules} schedules went well`);
