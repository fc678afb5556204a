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
// The same for one that the group has given up already.
const GONE = 500;

/** What a renewable consumer needs: all that a consumer does, but for what it says of itself. */
export type RenewalServices = Omit<ConsumerServices, "stuck" | "lastTry">;

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
  const make: Make = (lastTry, stuck) =>
    Effect.suspend(() => {
      const scope = Scope.forkUnsafe(outer);
      const made = makeConsumer(groupId, actors, settings, { ...services, lastTry, stuck });
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

type Make = (lastTry: boolean, stuck: (failure: ActorFailed) => void) => Effect.Effect<Held>;

/** See the module. */
export class Renewal {
  /** How often the consumer was made anew. */
  renewals = 0;
  /** What its predecessors had counted. */
  #before = { longest: 0, count: 0 };
  #held: Held | null = null;
  #accused: ActorFailed | GroupError | null = null;
  #renewedAt = -Infinity;
  #leaving = false;
  /** What the one that goes does not do is not held against the process. */
  #renewing = false;
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
  readonly begin: Effect.Effect<void> = Effect.suspend(() => this.#make(false));

  #make(lastTry: boolean): Effect.Effect<void> {
    return Effect.map(this.make(lastTry, (failure) => void (this.#accused ??= failure)), (held) => {
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
    return this.#recent && !this.#renewing ? this.consumer.watch.dying : [];
  }

  /** Times in which partitions were let go: how many, and the longest in milliseconds. */
  get handOvers(): { readonly count: number; readonly longest: number } {
    const { count, longest } = this.consumer.handOvers;
    return { count: this.#before.count + count, longest: Math.max(this.#before.longest, longest) };
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
    this.#renewing = true;
    yield* Effect.ensuring(this.#renew, Effect.sync(() => this.#renewing = false));
  });

  readonly #renew: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    if (this.#held === null) return;
    const { consumer, scope } = this.#held;
    const { drainTimeout } = this.settings;
    const left = consumer.leave(monotonicMs(this.clock) + drainTimeout);
    // Where the group does not count it in any more there is nothing to hand over.
    yield* Effect.timeoutOption(left, consumer.countedIn ? drainTimeout + LEAVING : GONE);
    consumer.forsake();
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true });
    yield* Effect.timeoutOption(Fiber.await(closing), CLOSING);
    if (this.#leaving) return;
    this.#before = this.handOvers;
    // What was stuck with the first is given up at the first sign of it: restarts have been tried.
    yield* this.#make(true);
    const { consumer: next, scope: its } = this.#held;
    if (!this.#leaving) yield* Effect.forkIn(next.run, its);
  });
}
