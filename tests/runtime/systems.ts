/**
 * Whole systems on an embedded Kafka, in virtual time.
 * @module
 */
import { Effect, type Exit, Fiber, Scope } from "effect";
import { TestClock } from "effect/testing";
import { z } from "zod";
import type { ActorDefinition } from "../../src/actor.ts";
import type { ConfigError } from "../../src/errors.ts";
import { event } from "../../src/event.ts";
import type { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { Link } from "../../src/link/link.ts";
import { makeSystem, type System } from "../../src/runtime/system.ts";
import type { SystemSettingsInput } from "../../src/runtime/settings.ts";
import { virtual } from "../client/virtual.ts";

/** What the test actors receive. */
export const Placed = event({
  name: "Placed",
  topic: "orders",
  schema: z.object({ id: z.string() }),
  key: (o) => o.id,
});
const settings: SystemSettingsInput = { partitions: 4, drainTimeout: 1_000, sessionTimeout: 3_000 };

/** A system that ends with the scope; on a Kafka, or on a link to one. */
export const start = (
  kafka: { readonly open: Effect.Effect<Link, ConfigError, Scope.Scope> },
  actors: ReadonlyArray<ActorDefinition>,
  more: SystemSettingsInput = {},
): Effect.Effect<System, ConfigError, Scope.Scope> =>
  makeSystem({ actors, events: [Placed], ...settings, ...more }, kafka.open);

/** Moves time on, a little at a time, until `holds`; fails after a minute of it. */
export const until: (holds: () => boolean, step?: number) => Effect.Effect<void> = Effect.fnUntraced(function* (
  holds: () => boolean,
  step: number = 5,
) {
  for (let ms = 0; !holds(); ms += step) {
    if (ms > 60_000) throw new Error(`still not so after a minute: ${holds}`);
    yield* TestClock.adjust(step);
    yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 0))); // handlers' own promises
  }
});

/** Waits, in virtual time, for an effect. */
export const waited: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<Exit.Exit<A, E>> = Effect.fnUntraced(
  function* <A, E>(effect: Effect.Effect<A, E>) {
    const fiber: Fiber.Fiber<A, E> = yield* Effect.forkChild(effect);
    yield* until(() => fiber.pollUnsafe() !== undefined);
    return yield* Fiber.await(fiber);
  },
);

/** Runs a test's body; what it started ends in virtual time as well. */
export const world = (body: Effect.Effect<void, unknown, Scope.Scope>, log?: string[]): Promise<void> =>
  virtual(
    Effect.gen(function* () {
      const scope = Scope.makeUnsafe();
      const exit = yield* Effect.exit(Scope.provide(body, scope));
      yield* waited(Scope.close(scope, exit));
      yield* exit;
    }),
    log,
  );

/** Publishes a message of each id; waits for the acknowledgements. */
export const publish = (system: System, ids: ReadonlyArray<string>) =>
  waited(Effect.forEach(ids, (id) => system.publish(Placed, { id }), { concurrency: "unbounded" }));

/** `count` different ids. */
export const ids = (count: number, prefix = "o") => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

/** The sum of a group's committed offsets. */
export function committed(kafka: EmbeddedKafka, group: string): number {
  return [0, 1, 2, 3].reduce((sum, n) => sum + (kafka.committed(group, "orders", n)?.offset ?? 0), 0);
}
