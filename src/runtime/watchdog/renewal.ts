/**
 * The consumer of a group, and its successor: one that does not get on is made anew, with a member, a fetcher and
 * connections of its own. Where that does not help either the system ends, as nothing is worse than alive and deaf.
 * @module
 */
import { Clock, Effect, Exit, Fiber, Scope } from "effect";
import type { ActorDefinition } from "../../actor.ts";
import type { ActorFailed, GroupError } from "../../errors.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import { type Consumer, type ConsumerServices, makeConsumer } from "../consumer.ts";
import type { SystemSettings } from "../settings.ts";

// Milliseconds in which a second renewal would not help any more, at least.
const RECENT = 3_600_000;
// Milliseconds beyond the drain time-out for a consumer to leave its group, and then for what it holds to end.
const LEAVING = 5_000;
const CLOSING = 2_000;

/** What a renewable consumer needs: all that a consumer does, but for what it says of itself. */
export type RenewalServices = Omit<ConsumerServices, "stuck" | "patience">;

/** Makes the first consumer of a group; what is held by it, and by its successors, ends with the scope. */
export const makeRenewal: (
  groupId: string,
  actors: ReadonlyArray<ActorDefinition>,
  settings: SystemSettings,
  services: RenewalServices,
) => Effect.Effect<Renewal, never, Scope.Scope> = Effect.fnUntraced(function* (
  groupId: string,
  actors: ReadonlyArray<ActorDefinition>,
  settings: SystemSettings,
  services: RenewalServices,
) {
  const outer = yield* Effect.scope;
  const clock = yield* Clock.Clock;
  const make: Make = (patience, stuck) =>
    Effect.suspend(() => {
      const scope = Scope.forkUnsafe(outer);
      const made = makeConsumer(groupId, actors, settings, { ...services, patience, stuck });
      return Effect.map(Scope.provide(made, scope), (consumer) => ({ consumer, scope }));
    });
  const renewal: Renewal = new Renewal(settings, services, clock, make);
  yield* renewal.begin;
  return renewal;
});

interface Held {
  readonly consumer: Consumer;
  readonly scope: Scope.Closeable;
}

type Make = (patience: number, stuck: (failure: ActorFailed) => void) => Effect.Effect<Held>;

/** See the module. */
export class Renewal {
  /** How often the consumer was made anew. */
  renewals = 0;
  #held: Held | null = null;
  #accused: ActorFailed | GroupError | null = null;
  #renewedAt = -Infinity;
  #leaving = false;
  #run = false;

  constructor(
    private readonly settings: SystemSettings,
    private readonly services: RenewalServices,
    private readonly clock: Clock.Clock,
    private readonly make: Make,
  ) {}

  /** The consumer at work. */
  get consumer(): Consumer {
    if (this.#held === null) throw new Error("the consumer was not made yet");
    return this.#held.consumer;
  }

  /** Makes the first consumer. */
  readonly begin: Effect.Effect<void> = Effect.suspend(() => this.#make(Infinity));

  #make(patience: number): Effect.Effect<void> {
    return Effect.map(this.make(patience, (failure) => void (this.#accused ??= failure)), (held) => {
      this.#held = held;
    });
  }

  /** Sets the consumer to work, until it has left. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => {
    this.#run = true;
    return this.consumer.run;
  });

  /** As for a consumer. */
  leave(deadline: number): Effect.Effect<ReadonlyArray<string>> {
    return Effect.suspend(() => {
      this.#leaving = true;
      return this.consumer.leave(deadline);
    });
  }

  /** Why the process should rather be started anew, while the last is still being tried, in words. */
  get dying(): ReadonlyArray<string> {
    return this.#recent ? this.consumer.watch.trouble : [];
  }

  get #recent(): boolean {
    const { stuckAfter, silentAfter } = this.settings.watchdog;
    return monotonicMs(this.clock) - this.#renewedAt < Math.max(RECENT, 4 * stuckAfter, 4 * silentAfter);
  }

  /** Takes a look, `passed` milliseconds after the last, and does what is to be done. */
  readonly look = Effect.fnUntraced(function* (this: Renewal, passed: number) {
    if (!this.#run || this.#leaving) return;
    for (const warning of this.consumer.watch.warnings()) yield* Effect.logWarning(warning);
    const found = this.consumer.watch.look(passed) ?? this.#accused;
    if (found === null) return;
    this.#accused = null;
    if (this.#recent) return this.services.failed(found);
    this.#renewedAt = monotonicMs(this.clock);
    this.renewals++;
    yield* Effect.logError(`${found.message}; the consumer of the group ${this.consumer.groupId} is made anew`);
    yield* this.#renew;
  });

  readonly #renew: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    if (this.#held === null) return;
    const { consumer, scope } = this.#held;
    const { drainTimeout } = this.settings;
    const left = consumer.leave(monotonicMs(this.clock) + drainTimeout);
    yield* Effect.timeoutOption(left, drainTimeout + LEAVING);
    consumer.forsake();
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true });
    yield* Effect.timeoutOption(Fiber.await(closing), CLOSING);
    if (this.#leaving) return;
    // What was stuck with the first is given up at the first sign of it: restarts have been tried.
    yield* this.#make(0);
    const { consumer: next, scope: its } = this.#held;
    if (!this.#leaving) yield* Effect.forkIn(next.run, its);
  });
}
