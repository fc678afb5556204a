/**
 * Whether a partition gets on.
 * @module
 */
import { Cause } from "effect";
import { Stuck } from "../crash.ts";
import type { Partition } from "../partition.ts";
import { Stillness } from "./stillness.ts";

// Beyond `receiveTimeout`: a handler's grace after its interruption, and one look, in milliseconds.
const GRACE = 2_000;

/** Watches one partition, and starts its actor anew when it is stuck. */
export class PartitionWatch {
  readonly #still = new Stillness();
  readonly #oldest = new Stillness();
  /** The incarnation that was told to end. */
  #told = 0;

  constructor(readonly partition: Partition, private readonly stuckAfter: number) {}

  /** After how long it counts as stuck: what may take long by its own limit is given that. */
  get limit(): number {
    const { stage, actor } = this.partition;
    return stage === "running" ? Math.max(this.stuckAfter, actor.settings.receiveTimeout + GRACE) : this.stuckAfter;
  }

  /** For how long it has been stuck already, as a part of the limit. */
  get share(): number {
    return this.#still.ms / this.limit;
  }

  /** Milliseconds for which the oldest unresolved record is known to be that, whatever it waits for. */
  get oldest(): number {
    return this.#oldest.ms;
  }

  /** What it is stuck in, for an operator. */
  get text(): string {
    const { actor, topic, partition, position } = this.partition;
    return `${actor.name} on ${topic}/${partition}@${position}: ${this.#reason()}`;
  }

  /** Takes a look, `passed` milliseconds after the last; answers whether the actor was started anew. */
  look(passed: number): boolean {
    const { partition } = this;
    this.#oldest.look(partition.mailbox.records > 0 ? `${partition.position}` : null, passed);
    if (this.#still.look(partition.standing(), passed) < this.limit) return false;
    const { life, stage } = partition;
    const stuck = new Stuck(this.#reason(), this.limit);
    this.#still.forgive();
    // An incarnation at work lets go of what it holds. Where that has not helped, or is what hangs, it is left behind.
    if (stage === "running" && this.#told !== life) {
      this.#told = life;
      partition.crash(Cause.fail(stuck), partition.oldest() ?? undefined);
    } else partition.abandon(stuck);
    return true;
  }

  #reason(): string {
    const { stage } = this.partition;
    const higher = "or set watchdog.stuckAfter higher";
    const ms = Math.round(this.#still.ms);
    if (stage === "acquiring") {
      return `its resources have not come for ${ms} ms; give what they wait for a time-out, ${higher}`;
    }
    if (stage === "releasing") {
      return `its resources have not been let go for ${ms} ms; give their disposal a time-out, ${higher}`;
    }
    return `its oldest record, unresolved for ${Math.round(this.#oldest.ms)} ms, has not got on for ${ms} ms; look ` +
      `at what receive, or its retry schedule, waits for, ${higher}`;
  }
}
