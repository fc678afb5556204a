/**
 * One call on a connection, from its sending to its answer.
 * @module
 */
import type { Effect } from "effect";
import { Signal } from "../../fiber/signal.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import type { Waiting } from "./waiting.ts";

/** A call. The connection moves it on; the fiber that called waits here. */
export class PendingCall<A extends ApiName> {
  /** Whether a fault was asked for. */
  asked = false;
  /** Not to be applied before (monotonic milliseconds). */
  notBefore = -Infinity;
  /** What happens to its answer. */
  fate: "arrives" | "late" | "lost" = "arrives";
  /** How late it is then. */
  lateness = 0;
  /** The answer, once there is one. */
  answer: Answer<A> | null = null;
  /** When it may be given (monotonic milliseconds). */
  answerAt = -Infinity;
  #waiting: Waiting<Answer<A>> | null = null;
  #unwatch: (() => void) | null = null;
  readonly #woken = new Signal();

  /** `deadline`: when the caller gives up (monotonic milliseconds). */
  constructor(readonly api: A, readonly request: Request<A>, readonly deadline: number) {}

  /** What it waits for, once it was applied and could not be answered at once. */
  get waiting(): Waiting<Answer<A>> | null {
    return this.#waiting;
  }

  /** It has to wait; `wake` is called whenever that may have an end. */
  park(waiting: Waiting<Answer<A>>, wake: () => void): void {
    this.#waiting = waiting;
    this.#unwatch = waiting.watch(wake);
  }

  /** It waits no more. */
  unpark(): void {
    this.#unwatch?.();
    this.#unwatch = null;
  }

  /** When to look at it again even if nobody wakes. */
  until(): number {
    return this.#waiting === null ? this.notBefore : this.#waiting.until();
  }

  /** Lets its fiber look again, through its scheduler. */
  wake(): void {
    this.#woken.raise();
  }

  /** Forgets earlier wakes: to be called before looking. */
  clear(): void {
    this.#woken.clear();
  }

  /** Waits for a wake since `clear`, at most `ms` milliseconds. */
  sleep(ms: number): Effect.Effect<void> {
    return this.#woken.waitAtMost(ms);
  }
}
