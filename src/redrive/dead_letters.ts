/**
 * Looking at dead letters and sending them back, as a program sees it.
 * @module
 */
import type { Effect, Scope } from "effect";
import { Connected } from "../admin/connected.ts";
import type { AdminError } from "../admin/refusals.ts";
import type { Broker } from "../broker.ts";
import type { DeadLetter } from "../dead_letter/read_letter.ts";
import type { LogLevel } from "../logger.ts";
import {
  type DeadLetterOffice,
  type DeadLetterOfficeOptions,
  type ListOptions,
  makeDeadLetterOffice,
  type RedriveOptions,
} from "./dead_letter_office.ts";
import type { RedriveReport } from "./redrive_report.ts";

/** How to look after dead letters. */
export interface DeadLettersOptions extends DeadLetterOfficeOptions {
  /** From which severity on log lines are written. Default "info": a redrive says every 10 seconds how far it is. */
  readonly logLevel?: LogLevel;
}

/**
 * The dead letters of a Kafka: looked at, and sent back to the topics they came from once the reason is gone.
 *
 * Letters stay where they are until their topic's retention deletes them; that one was redriven is remembered by a consumer
 * group (`<dead-letter topic>.redrive`).
 *
 * @example
 * ```ts
 * import { Admin, DeadLetters, embedded } from "@troupe/troupe";
 *
 * const broker = embedded();
 * await using admin = await Admin.connect(broker);
 * await admin.createTopics([{ name: "orders.dlt", partitions: 4 }]);
 *
 * await using letters = await DeadLetters.connect(broker, { logLevel: "warn" });
 * for (const { source, reason, error } of await letters.list("orders.dlt")) {
 *   console.log(`${source.topic}/${source.partition}@${source.offset}: ${reason}: ${error}`);
 * }
 * const report = await letters.redrive("orders.dlt", { reason: "retries-exhausted", rate: 100 });
 * console.log(`${report.redriven} of ${report.read}`); // 0 of 0
 * ```
 */
export class DeadLetters implements AsyncDisposable {
  readonly #connected: Connected<DeadLetterOffice>;
  readonly #name: string;

  private constructor(connected: Connected<DeadLetterOffice>, name: string) {
    this.#connected = connected;
    this.#name = name;
  }

  /**
   * Connects. Rejects with {@linkcode ConnectionError} where no broker answers within `timeout`, and with
   * {@linkcode ConfigError} where an option is wrong. `await using` closes it at the end of the block.
   */
  static async connect(broker: Broker, options: DeadLettersOptions = {}): Promise<DeadLetters> {
    const { logLevel = "info", ...rest } = options;
    return new DeadLetters(await Connected.open(makeDeadLetterOffice(broker, rest), logLevel), broker.name);
  }

  /** The same for programs in Effect: the calls are Effects, and the connections end with the scope. */
  static make(
    broker: Broker,
    options?: DeadLetterOfficeOptions,
  ): Effect.Effect<DeadLetterOffice, AdminError, Scope.Scope> {
    return makeDeadLetterOffice(broker, options);
  }

  /**
   * Letters that were not redriven yet, the oldest of each partition first. Changes nothing.
   *
   * Rejects with a {@linkcode TopicError} where there is no such topic.
   */
  list(topic: string, options?: ListOptions): Promise<ReadonlyArray<DeadLetter>> {
    return this.#connected.run(this.#connected.calls.list(topic, options));
  }

  /**
   * Sends letters back to the topics they came from: key, value and headers as they were, the letters of a key in their
   * order, each after the one before is acknowledged. Reads what is there when it begins, so that a letter which comes back
   * is not sent again by the same call.
   *
   * What was redriven is not redriven again by a later call, whatever the filters of the two. A process that is killed in
   * between leaves at most the last 100 letters, or those of the last 100 ms, to be sent twice. Two calls for one topic
   * don't run at once: the later one waits, up to `timeout`. With `signal` aborted it finishes what is under way, remembers
   * it, and rejects.
   *
   * Letters of an actor with `quarantine` may come back in any order: it receives them in that of their key. One call sends
   * what is there; with `untilFree` it goes on until the keys are free, with `release` past letters that stay.
   *
   * All groups that read the topic get the records again, not only the one that gave them up.
   *
   * Rejects with {@linkcode TopicError}, {@linkcode GroupError}, {@linkcode ConnectionError} or {@linkcode PublishError};
   * what went back until then is remembered, and a later call goes on from there.
   */
  redrive(topic: string, options: RedriveOptions & { readonly signal?: AbortSignal } = {}): Promise<RedriveReport> {
    const { signal, ...rest } = options;
    return this.#connected.run(this.#connected.calls.redrive(topic, rest), signal);
  }

  /** Closes its connections; a call under way finishes what it has begun, and rejects. */
  async close(): Promise<void> {
    await this.#connected.close(this.#name, "these DeadLetters were closed; connect again");
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
