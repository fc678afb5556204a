/**
 * Administrating topics and groups, as a program sees it.
 * @module
 */
import type { Effect, Scope } from "effect";
import type { Broker } from "../broker.ts";
import type { LogLevel } from "../logger.ts";
import { type Administration, type AdministrationOptions, makeAdministration } from "./administration.ts";
import { Connected } from "./connected.ts";
import type { GroupDescription, GroupLag } from "./group_admin.ts";
import type { ListedOffset, LogPosition, TopicOrPartition } from "./offset_admin.ts";
import type { OffsetChange, ResetOptions } from "./offset_reset.ts";
import type { AdminError } from "./refusals.ts";
import type { CreatedTopic, CreateTopicsOptions, NewTopic, TopicDescription } from "./topic_admin.ts";

/** How to administrate. */
export interface AdminOptions extends AdministrationOptions {
  /** From which severity on log lines are written. Default "warn". */
  readonly logLevel?: LogLevel;
}

/**
 * Topics and consumer groups of a Kafka: made, described, set back. For programs that prepare or look after one; a system
 * creates the topics of its actors by itself.
 *
 * Each call ends within `timeout`: brokers that are away and coordinators on the move are waited for until then. It rejects
 * with a {@linkcode TopicError} or {@linkcode GroupError} that names the topic or group and says what to do, with a
 * {@linkcode ConnectionError} where no broker answers, and with a {@linkcode ConfigError} where an argument can't be meant.
 *
 * @example
 * ```ts
 * import { Admin, embedded } from "@troupe/troupe";
 *
 * await using admin = await Admin.connect(embedded());
 * await admin.createTopics([{ name: "orders", partitions: 4, configs: { "retention.ms": 3_600_000 } }]);
 * const [orders] = await admin.describeTopics(["orders"]);
 * console.log(orders.partitions.length, orders.configs["retention.ms"]); // 4 3600000
 * ```
 */
export class Admin implements AsyncDisposable {
  readonly #connected: Connected<Administration>;
  readonly #name: string;

  private constructor(connected: Connected<Administration>, name: string) {
    this.#connected = connected;
    this.#name = name;
  }

  /**
   * Connects. Rejects with {@linkcode ConnectionError} where no broker answers within `timeout`, and with
   * {@linkcode ConfigError} where an option is wrong. `await using` closes it at the end of the block.
   *
   * @example
   * ```ts
   * import { Admin, embedded } from "@troupe/troupe";
   *
   * await using admin = await Admin.connect(embedded(), { timeout: 5_000 });
   * console.log(await admin.describeTopics()); // []
   * ```
   */
  static async connect(broker: Broker, options: AdminOptions = {}): Promise<Admin> {
    const { logLevel = "warn", ...rest } = options;
    return new Admin(await Connected.open(makeAdministration(broker, rest), logLevel), broker.name);
  }

  /**
   * The same for programs in Effect: the calls are Effects, and the connections end with the scope.
   *
   * @example
   * ```ts
   * import { Admin, embedded } from "@troupe/troupe";
   * import { Effect } from "effect";
   *
   * const program = Effect.gen(function* () {
   *   const admin = yield* Admin.make(embedded());
   *   yield* admin.createTopics([{ name: "orders", partitions: 4 }]);
   *   return yield* admin.listOffsets(["orders"], "latest");
   * });
   * console.log((await Effect.runPromise(Effect.scoped(program))).length); // 4
   * ```
   */
  static make(
    broker: Broker,
    options?: AdministrationOptions,
  ): Effect.Effect<Administration, AdminError, Scope.Scope> {
    return makeAdministration(broker, options);
  }

  /**
   * Creates topics, and resolves when each of their partitions has a leader. Where one of several can't be created none is:
   * they are all looked at first.
   *
   * @example
   * ```ts
   * import { Admin, embedded } from "@troupe/troupe";
   *
   * await using admin = await Admin.connect(embedded());
   * await admin.createTopics([{ name: "orders", partitions: 4 }]);
   * const topics = await admin.createTopics([{ name: "orders" }, { name: "letters", partitions: 1 }], { existing: "keep" });
   * console.log(topics.map(({ name, created }) => `${name}: ${created}`)); // [ "orders: false", "letters: true" ]
   * ```
   */
  createTopics(topics: ReadonlyArray<NewTopic>, options?: CreateTopicsOptions): Promise<ReadonlyArray<CreatedTopic>> {
    return this.#run(this.#calls.createTopics(topics, options));
  }

  /**
   * Gives a topic more partitions (`partitions` is the new total), and resolves when each has a leader. Nothing to do where
   * it has as many; an error where it has more. Keys find other partitions from then on: what a key's actor knows and in
   * which order its messages come holds only among those of before, and among those of after.
   */
  growTopic(topic: string, partitions: number): Promise<void> {
    return this.#run(this.#calls.growTopic(topic, partitions));
  }

  /**
   * Deletes topics with their records, and resolves when no broker that is asked knows them any more. Where one of several
   * can't be deleted the others are all the same.
   */
  deleteTopics(topics: ReadonlyArray<string>): Promise<void> {
    return this.#run(this.#calls.deleteTopics(topics));
  }

  /** What topics look like. Default: all but Kafka's own. */
  describeTopics(topics?: ReadonlyArray<string>): Promise<ReadonlyArray<TopicDescription>> {
    return this.#run(this.#calls.describeTopics(topics));
  }

  /**
   * Offsets of whole topics or single partitions: of the first record, of the end, or of the first record that is as young
   * as a time (the end where none is).
   *
   * @example
   * ```ts
   * import { Admin, embedded } from "@troupe/troupe";
   *
   * await using admin = await Admin.connect(embedded());
   * await admin.createTopics([{ name: "orders", partitions: 2 }]);
   * const anHourAgo = new Date(Date.now() - 3_600_000);
   * console.log(await admin.listOffsets([{ topic: "orders", partition: 1 }], anHourAgo)); // offset 0
   * ```
   */
  listOffsets(of: ReadonlyArray<TopicOrPartition>, position: LogPosition): Promise<ReadonlyArray<ListedOffset>> {
    return this.#run(this.#calls.listOffsets(of, position));
  }

  /** A group's state, its members, and what each of them holds. */
  describeGroup(groupId: string): Promise<GroupDescription> {
    return this.#run(this.#calls.describeGroup(groupId));
  }

  /** How far a group is behind, per partition and in all. */
  groupLag(groupId: string): Promise<GroupLag> {
    return this.#run(this.#calls.groupLag(groupId));
  }

  /**
   * Sets a group's committed offsets to another place, and answers what has changed for each partition; with `dryRun` what
   * would. Rejects with a {@linkcode GroupError} of type NON_EMPTY_GROUP while the group has members.
   *
   * @example
   * ```ts
   * import { Admin, embedded } from "@troupe/troupe";
   *
   * await using admin = await Admin.connect(embedded());
   * await admin.createTopics([{ name: "orders", partitions: 1 }]);
   * const changes = await admin.resetOffsets("ledger", { to: "earliest", of: ["orders"], dryRun: true });
   * for (const { topic, partition, from, to } of changes) console.log(`${topic}/${partition}: ${from} → ${to}`); // orders/0: null → 0
   * ```
   */
  resetOffsets(groupId: string, options: ResetOptions): Promise<ReadonlyArray<OffsetChange>> {
    return this.#run(this.#calls.resetOffsets(groupId, options));
  }

  /** Closes its connections; calls under way reject. */
  async close(): Promise<void> {
    await this.#connected.close(this.#name, "this Admin was closed; connect another one");
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #calls(): Administration {
    return this.#connected.calls;
  }

  #run<A>(call: Effect.Effect<A, AdminError>): Promise<A> {
    return this.#connected.run(call);
  }
}
