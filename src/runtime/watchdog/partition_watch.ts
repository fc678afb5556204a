/**
 * Whether a partition gets on, and what is done when it does not: its actor is started anew, and where that has not
 * helped it is told to its consumer.
 * @module
 */
import { Cause } from "effect";
import { Stuck } from "../crash.ts";
import type { Partition } from "../partition.ts";
import { Stillness } from "./stillness.ts";
import { stuckGrace } from "./watchdog_options.ts";

// Within so many times the limit it is the same trouble still when a partition is stuck again at the same offset.
const SOON = 4;
// For how long liveness fails, at most, before a partition that is stuck ends the system, in milliseconds: an
// orchestrator that asks every ten seconds, and wants to hear it three times, has started the process anew by then.
const NOTICE = 60_000;

/** Watches one partition. */
export class PartitionWatch {
  readonly #still = new Stillness();
  readonly #oldest = new Stillness();
  /** The incarnation that was told to end. */
  #told = 0;
  /** Restarts in a row that did not help, where that was, and how long ago the last was. */
  readonly #tried = { restarts: 0, position: -1, ago: 0 };

  constructor(readonly partition: Partition, private readonly stuckAfter: number) {}

  /** After how long it counts as stuck: what may take long by its own limit is given that. */
  get limit(): number {
    const { stage, actor } = this.partition;
    return stage === "running"
      ? Math.max(this.stuckAfter, actor.settings.receiveTimeout + stuckGrace)
      : this.stuckAfter;
  }

  /** What it is stuck in, once half of its time is over, for an operator. */
  get trouble(): string | null {
    return this.#still.ms < this.limit / 2 ? null : this.#text;
  }

  /** The same once all of its time is over, and all was tried that could help. */
  get dying(): string | null {
    return this.#final && this.#still.ms >= this.limit ? this.#text : null;
  }

  /** Milliseconds for which the oldest unresolved record is known to be that, whatever it waits for. */
  get oldest(): number {
    return this.#oldest.ms;
  }

  /** Takes a look, `passed` milliseconds after the last; answers whether something was done about it. */
  look(passed: number): boolean {
    const { partition } = this;
    const { position, life, stage } = partition;
    const tried = this.#tried;
    this.#oldest.look(partition.mailbox.records > 0 ? `${position}` : null, passed);
    tried.ago += passed;
    if (tried.position !== position || tried.ago >= SOON * this.limit) tried.restarts = 0;
    if (this.#still.look(partition.standing(), passed) < this.#due) return false;
    const inVain = tried.restarts === 0 ? "" : ` (${tried.restarts} restarts did not help)`;
    const stuck = new Stuck(`${this.#reason()}${inVain}`, this.#final);
    Object.assign(tried, { restarts: tried.restarts + 1, position, ago: 0 });
    this.#still.forgive();
    // An incarnation at work lets go of what it holds. Where that has not helped, or is what hangs, it is left behind.
    if (stage === "running" && this.#told !== life) {
      this.#told = life;
      partition.crash(Cause.fail(stuck), partition.oldest() ?? undefined);
    } else partition.abandon(stuck);
    return true;
  }

  /** Whether another restart would win nothing. */
  get #final(): boolean {
    const { stage, lastTry, actor: { restart } } = this.partition;
    // Each restart is held against the record in hand, which becomes a dead letter after a few of them.
    const cures = stage === "running" && this.partition.oldest() !== null ? restart.killedAfter : lastTry ? 0 : 1;
    return this.#tried.restarts >= Math.min(restart.max, cures);
  }

  /** When something is done. */
  get #due(): number {
    const { limit } = this;
    return this.partition.lastTry && this.#final ? limit + Math.min(limit / 2, NOTICE) : limit;
  }

  get #text(): string {
    const { actor, topic, partition, position } = this.partition;
    return `${actor.name} on ${topic}/${partition}@${position}: ${this.#reason()}`;
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
