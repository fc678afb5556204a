import { Context, Effect, Layer, type Scope } from "effect";
import { z } from "zod";
import { actor, type ActorDefinition, type ServicesOfActors } from "../src/actor.ts";
import { ActorSystem } from "../src/actor_system.ts";
import { embedded } from "../src/broker.ts";
import type { ConfigError } from "../src/errors.ts";
import { event, type EventDefinition } from "../src/event.ts";

interface Db {
  readonly get: (id: string) => Effect.Effect<number>;
}
const Db: Context.Service<Db, Db> = Context.Service<Db>("test/Db");
class Rejected {
  readonly _tag = "Rejected";
}

const Created = event({ name: "Created", topic: "a", schema: z.object({ id: z.string() }), key: (m) => m.id });
const Cancelled = event({ name: "Cancelled", topic: "a", schema: z.object({ why: z.string() }) });
const Raw = event({ name: "Raw", topic: "b" });

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const type = <T extends true>(_?: T): void => {};

type<Equal<typeof Created.schema, z.ZodType<{ id: string }>>>();
type<Equal<typeof Raw.schema, z.ZodType<Uint8Array> | undefined>>();
const keyedBytes = event({ name: "Bytes", topic: "b", key: (bytes) => bytes });
type<Equal<typeof keyedBytes, EventDefinition<"Bytes", Uint8Array>>>();
// @ts-expect-error: not a field of the message
event({ name: "E", topic: "e", schema: z.object({ id: z.string() }), key: (m) => m.nope });

const plain = actor({
  name: "p",
  receives: [Created],
  receive: (m, c) => {
    m.id.length;
    c.publish(Cancelled, { why: "x" });
  },
});
type<Equal<typeof plain, ActorDefinition<never, never>>>();
const effectful = actor({
  name: "e",
  receives: [Created],
  receive: (m) =>
    Effect.gen(function* () {
      const db = yield* Db;
      const n = yield* db.get(m.id);
      if (n < 0) return yield* Effect.fail(new Rejected());
      return n;
    }),
});
type<Equal<typeof effectful, ActorDefinition<Rejected, Db>>>();
const many = actor({
  name: "m",
  receives: [Created, Cancelled],
  receive: {
    Created: (m) => {
      m.id;
    },
    Cancelled: async (m) => {
      await 0;
      m.why;
    },
  },
});
type<Equal<typeof many, ActorDefinition<never, never>>>();
const withResources = actor({
  name: "r",
  receives: [Created],
  resources: (i) => Promise.resolve({ n: i.partition }),
  receive: (m, c) => {
    const n: number = c.resources.n;
    return n + m.id.length;
  },
});
type<Equal<typeof withResources, ActorDefinition<never, never>>>();
const scoped = actor({
  name: "s",
  receives: [Created],
  resources: () => Effect.acquireRelease(Effect.map(Db, () => 5), () => Effect.void),
  receive: (_m, c) => {
    const n: number = c.resources;
    return n;
  },
});
type<Equal<typeof scoped, ActorDefinition<never, Db>>>();
const batch = actor({
  name: "b",
  receives: [Created, Cancelled],
  receiveBatch: (b) => {
    for (const e of b) {
      const m: { id: string } | { why: string } = e.message;
      void m;
    }
  },
});
type<Equal<typeof batch, ActorDefinition<never, never>>>();
const raw = actor({
  name: "raw",
  receives: [Raw],
  receive: (m) => {
    const b: Uint8Array = m;
    return b.length;
  },
});
type<Equal<typeof raw, ActorDefinition<never, never>>>();
const all = [plain, effectful, scoped] as const;
type<Equal<ServicesOfActors<typeof all>, Db>>();
// Never called: the runtime refuses them too.
const refused = () => {
  // @ts-expect-error: Cancelled is missing
  actor({ name: "x", receives: [Created, Cancelled], receive: { Created: () => {} } });
  actor({
    name: "y",
    receives: [Created],
    receive: (m, c) => {
      // @ts-expect-error: not the event's message
      c.publish(Cancelled, { wrong: m.id });
    },
  });
};
void refused;

// The layer is asked for where services are required, and only there.
const broker = embedded();
const never = () => {
  ActorSystem.start({ actors: [plain, many], broker });
  ActorSystem.start({ actors: [effectful], broker, layer: Layer.succeed(Db, { get: () => Effect.succeed(1) }) });
  // A list that has forgotten what its actors require.
  const list: ActorDefinition[] = [plain, effectful];
  ActorSystem.start({ actors: list, broker });
  ActorSystem.start({ actors: list, broker, layer: Layer.succeed(Db, { get: () => Effect.succeed(1) }) });
  // @ts-expect-error: nobody provides Db
  ActorSystem.start({ actors: [plain, effectful], broker });
};
type<Equal<ReturnType<typeof made>, Effect.Effect<ActorSystem, ConfigError, Scope.Scope | Db>>>();
const made = () => ActorSystem.make({ actors: [effectful], broker });
void never;
