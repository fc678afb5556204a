import { actor, type ActorContext, event, skip } from "@troupe/troupe";
import {
  simulate,
  type SimulatedProcess,
  SimulationError,
  type SimulationOptions,
  type SimulationOutcome,
} from "@troupe/troupe/testing";
import { Context, Effect, Layer } from "effect";
import { z } from "zod";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";

const schema = z.object({ account: z.string(), number: z.number() });
type Deposit = z.infer<typeof schema>;
const key = ({ account }: Deposit) => account;
const Deposited = event({ name: "Deposited", topic: "deposits", schema, key });
const Booked = event({ name: "Booked", topic: "bookings", schema, key });

/** A database that is played: what was written to it, in order. */
const world = (): Deposit[] => [];
type Book = ReturnType<typeof world>;

/** Twelve deposits to six accounts. */
const produce: SimulationOptions<[], Book>["produce"] = (publish, chance) => {
  for (let number = 0; number < 12; number++) publish(Deposited, { account: `a${chance.between(1, 6)}`, number });
};

/** Every deposit is in the book. */
function allBooked({ world, produced }: SimulationOutcome<Book>): void {
  const numbers = new Set(world.map(({ number }) => number));
  for (const { message } of produced) {
    const { number } = message as Deposit;
    if (!numbers.has(number)) throw new Error(`deposit ${number} is not in the book`);
  }
}

/** A book's keeper. */
function keeper(receive: (deposit: Deposit, process: SimulatedProcess<Book>, context: ActorContext) => unknown) {
  return (process: SimulatedProcess<Book>) => [
    actor({
      name: "keeper",
      receives: [Deposited],
      publishes: [Booked],
      retry: { times: 3, initial: 50 },
      receive: (deposit, context) => receive(deposit, process, context),
    }),
  ];
}

/** What a simulation that has to fail says. */
async function failure(run: Promise<unknown>): Promise<SimulationError> {
  const error = await run.then(() => null, (error) => error);
  assert(error instanceof SimulationError, error instanceof Error ? error.stack : "nothing was found");
  assert(error.message.includes(`seed: ${error.seed}, schedules: 1`), error.message);
  return error;
}

Deno.test("simulate() finds nothing in 200 schedules of an actor that does as it should", async () => {
  const { schedules, calls, faults } = await simulate({
    world,
    actors: keeper(async (deposit, process, context) => {
      if (process.chance.next() < 0.05) throw new Error("the book is locked");
      await process.sleep(process.chance.between(1, 30));
      process.world.push(deposit);
      context.publish(Booked, deposit);
    }),
    produce,
    check: (outcome) => {
      allBooked(outcome);
      const booked = new Set(outcome.messages(Booked).map(({ message }) => message.number));
      assertEquals(booked.size, outcome.produced.length);
    },
  });
  assertEquals(schedules, 200);
  assert(calls > 200 * 12 && faults > 200, `${calls} calls, ${faults} faults`);
});

Deno.test("simulate() finds a side effect that nobody waits for", async () => {
  const { message, script } = await failure(simulate({
    world,
    actors: keeper((deposit, process) => {
      void process.sleep(20).then(() => process.world.push(deposit));
    }),
    produce,
    check: allBooked,
  }));
  assertMatch(message, /deposit \d+ is not in the book|p\d has ended and left 1 sleep/);
  assert(script.length <= 6, message);
});

Deno.test("simulate() finds what is lost because it was kept in memory only", async () => {
  const { message, script, seed } = await failure(simulate({
    world,
    actors: (process) => {
      const waiting: Deposit[] = [];
      return keeper((deposit) => {
        waiting.push(deposit);
        if (waiting.length >= 3) process.world.push(...waiting.splice(0));
      })(process);
    },
    produce,
    check: allBooked,
  }));
  assertMatch(message, /deposit \d+ is not in the book/);
  assertMatch(message, /message \d+ is published: Deposited {"account":"a\d","number":\d+}/);
  assert(script.length <= 6, message);
  assert(seed <= 10, message);
});

Deno.test("simulate() finds an effect that comes out of order", async () => {
  const { message, script } = await failure(simulate({
    world,
    processes: [1, 1],
    faults: [],
    actors: (process) => [
      actor({
        name: "keeper",
        receives: [Deposited],
        order: "none",
        receive: async (deposit) => {
          await process.sleep(process.chance.between(1, 500));
          process.world.push(deposit);
        },
      }),
    ],
    produce,
    check: ({ world }) => {
      const last = new Map<string, number>();
      for (const { account, number } of world) {
        if ((last.get(account) ?? -1) > number) throw new Error(`deposit ${number} comes after ${last.get(account)}`);
        last.set(account, number);
      }
    },
  }));
  assertMatch(message, /deposit \d+ comes after \d+/);
  assert(script.filter((line) => line.includes("is published")).length <= 3, message);
});

Deno.test("simulate() finds what is taken and not given back", async () => {
  const { message, script } = await failure(simulate({
    world,
    actors: keeper((deposit, process) => {
      const lock = process.hold(`the lock of ${deposit.account}`);
      if (deposit.number === 7) throw new Error("the book is locked");
      lock[Symbol.dispose]();
    }),
    produce,
  }));
  assertMatch(message, /p\d has ended and left the lock of a\d/);
  assert(script.length <= 6, message);
});

Deno.test("simulate() finds a fiber that goes on", async () => {
  const { message, script } = await failure(simulate({
    world,
    actors: keeper(({ number }) => number === 3 ? Effect.forkDetach(Effect.forever(Effect.sleep(1_000))) : undefined),
    produce,
  }));
  assertMatch(message, /p\d has ended and left 1 fiber, 1 timer/);
  assert(script.length <= 2, message);
});

Deno.test("simulate() says which record a handler never ends with", async () => {
  const { message, script } = await failure(simulate({
    world,
    faults: ["crash"],
    actors: keeper((deposit) => deposit.number === 7 ? Effect.never : undefined),
    produce,
  }));
  assertMatch(message, /120000 ms later still not: everything is resolved and committed/);
  assertMatch(message, /keeper deposits\/\d@\d+ \(key a\d\), which p\d is at since \d+ ms/);
  assertEquals(script.filter((line) => line.includes('"number":7')).length, 1, message);
});

Deno.test("simulate() says why a process has ended by itself", async () => {
  const { message } = await failure(simulate({
    world,
    schedules: 3,
    actors: keeper(() => Effect.die("a bug")),
    produce,
    settings: { drainTimeout: 1_000 },
  }));
  assertMatch(message, /p\d has failed: keeper on deposits\/\d@\d+: restarted 5 times/);
});

Deno.test("simulate() says what goes otherwise the second time", async () => {
  let calls = 0;
  const { message } = await failure(simulate({
    world,
    actors: keeper((_deposit, process) => process.sleep(++calls)),
    produce,
  }));
  assertMatch(message, /the same schedule does not go the same way twice/);
  assertMatch(message, /the first time: \d+ .*\n {2}the second time: \d+ /);
});

Deno.test("simulate() gives the same failure for a seed, and its trace", async () => {
  const run = (seed: number, schedules: number) =>
    failure(simulate({
      seed,
      schedules,
      faults: ["crash"],
      trace: false,
      world,
      actors: keeper((deposit, process) =>
        process.sleep(process.chance.between(1, 300)).then(() => {
          if (process.world.some(({ number }) => number === deposit.number)) throw new Error("booked twice");
          process.world.push(deposit);
        })
      ),
      produce,
      check: ({ letters }) => assertEquals(letters.map(({ error }) => error), []),
    }));
  const found = await run(1, 200);
  assertMatch(found.message, /booked twice/);
  const again = await run(found.seed, 1);
  assertEquals(again.message, found.message);
  assertEquals(again.trace, found.trace);
});

Deno.test("simulate() prints the trace of a failure where there is one schedule", async () => {
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => void printed.push(text);
  try {
    const check = () => {
      throw new Error("never well");
    };
    const { trace } = await failure(simulate({ schedules: 1, world, actors: keeper(() => {}), produce, check }));
    assertEquals(printed, [trace.join("\n")]);
    assertMatch(printed[0], /^\d+ p0 starts$/m);
  } finally {
    console.log = log;
  }
});

Deno.test("simulate() gives Effects their services, for each process", async () => {
  interface Store {
    readonly save: (deposit: Deposit) => Effect.Effect<void>;
  }
  const Store: Context.Service<Store, Store> = Context.Service<Store>("Store");
  const { calls } = await simulate({
    schedules: 10,
    world,
    layer: (process) =>
      Layer.succeed(Store, {
        save: (deposit) => Effect.andThen(Effect.sleep(10), Effect.sync(() => process.world.push(deposit))),
      }),
    actors: () => [
      actor({
        name: "keeper",
        receives: [Deposited],
        receive: (deposit) => Effect.flatMap(Store, (store) => store.save(deposit)),
      }),
    ],
    produce,
    check: allBooked,
  });
  assert(calls >= 120, `${calls} calls`);
});

Deno.test("simulate() shows its check all that came of it", async () => {
  let looked = 0;
  await simulate({
    schedules: 5,
    world,
    actors: keeper((deposit, _process, context) => {
      assertEquals(context.headers.map(([name]) => name), ["type"]);
      assertEquals(context.record.headers.length, 1);
      if (deposit.number === 1) throw new Error("never");
      if (deposit.number === 2) return skip();
      context.publish(Booked, deposit);
    }),
    produce: (publish, chance) => {
      produce(publish, chance);
      publish(event({ name: "Deposited", topic: "deposits", key: () => "a1" }), new TextEncoder().encode("no deposit"));
    },
    check: ({ produced, letters, messages, calls }) => {
      looked++;
      assertEquals(produced.length, 13);
      const reasons = new Set(letters.map(({ reason }) => reason));
      assertEquals([...reasons].sort(), ["decode", "retries-exhausted"]);
      const booked = messages(Booked);
      assertEquals(new Set(booked.map(({ message }) => message.number)).size, 10);
      assert(booked.every(({ record: { headers } }) => headers.every(([name]) => name === "type")));
      assertEquals(new Set(calls.map(({ outcome }) => outcome)).has("skipped"), true);
    },
  });
  // Once more for the first.
  assertEquals(looked, 6);
});

Deno.test("simulate() refuses what it can't run", async () => {
  const options = { world, actors: keeper(() => {}), produce };
  for (const processes of [[3, 2], [1.5, 2], [0, 1]] as const) {
    await assertRejects(() => simulate({ ...options, processes }), Error, "processes");
  }
  for (const schedules of [0, -3, NaN, 1.5]) {
    await assertRejects(() => simulate({ ...options, schedules }), Error, "schedules");
  }
  await assertRejects(() => simulate({ ...options, seed: 1.5 }), Error, "seed");
  await assertRejects(() => simulate({ ...options, patience: NaN }), Error, "patience");
  await assertRejects(() => simulate({ ...options, faults: ["crsh" as "crash"] }), Error, 'there is no "crsh"');
  await assertRejects(() => simulate({ ...options, ...{ shedules: 3 } }), Error, "shedules: no such option");
  await assertRejects(() => simulate({ ...options, settings: { drainTimeout: -1 } }), Error, "drainTimeout");
});
