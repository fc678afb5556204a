/**
 * The right to work on a partition, for a time.
 * @module
 */
import { type Clock, Effect } from "effect";
import type { Membership, PublishLease } from "../client/port.ts";
import type { Lease } from "../context.ts";
import { LeaseLost } from "../errors.ts";
import { monotonicMs } from "../fiber/monotonic.ts";

/**
 * The lease of one assigned partition. It holds while the group counts this member in (known from the last answered
 * heartbeat); it is fenced, for ever, when the partition is revoked or lost.
 */
export class PartitionLease implements PublishLease, Lease {
  /** The generation in which the partition was assigned, or kept since. */
  generation: number;
  #fenced = false;

  /** A lease of the member's present generation. */
  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly membership: Membership,
    private readonly clock: Clock.Clock,
  ) {
    this.generation = membership.generation;
  }

  /** Whether it was fenced. */
  get fenced(): boolean {
    return this.#fenced;
  }

  /** Ends it for good. */
  fence(): void {
    this.#fenced = true;
  }

  /** See {@linkcode PublishLease}. */
  state(monotonicMs: number): "valid" | "expired" | "fenced" {
    return this.#fenced ? "fenced" : monotonicMs < this.membership.deadline ? "valid" : "expired";
  }

  /** See {@linkcode Lease}. */
  readonly held = (): boolean => this.state(monotonicMs(this.clock)) === "valid";

  /** See {@linkcode Lease}. */
  readonly remaining = (): number => this.#fenced ? 0 : Math.max(0, this.membership.deadline - monotonicMs(this.clock));

  /** See {@linkcode Lease}. */
  readonly ensure = (): void => {
    if (!this.held()) throw this.lost();
  };

  /** Calls `wake` once, as soon as the group has counted this member in anew. */
  onceRenewed(wake: () => void): void {
    (this.membership.waiting ??= new Set()).add(wake);
  }

  /** Waits until the group has counted this member in anew. */
  readonly renewed: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const wake = () => resume(Effect.yieldNow);
    this.onceRenewed(wake);
    return Effect.sync(() => void this.membership.waiting?.delete(wake));
  });

  /** What work under it fails with once it is fenced. */
  lost(): LeaseLost {
    return new LeaseLost(this.topic, this.partition, this.generation);
  }
}
