/**
 * An in-process Kafka: one broker that answers the requests of a real one, through the same port.
 * @module
 */
import { Effect, type Scope } from "effect";
import { ConfigError, ConnectionError } from "../../errors.ts";
import type { BrokerAddress, Connection, Link, Role } from "../link.ts";
import { Broker } from "./broker.ts";
import { brokerAddress } from "./broker_address.ts";
import { EmbeddedConnection } from "./connection.ts";
import { ConsumerGroup } from "./groups/consumer_group.ts";
import type { Intercept } from "./faults.ts";
import { FileJournal } from "./log/file_journal.ts";
import type { GroupState } from "./groups/group.ts";
import type { PartitionLog } from "./log/partition_log.ts";

export type { Fault, Intercept, Intercepted } from "./faults.ts";

/** Settings of an embedded Kafka. */
export interface EmbeddedOptions {
  /**
   * The log's file; default none: everything is in memory and gone with the process. What was acknowledged is in the file
   * however the process ends; only a machine that loses power may lose the last moments.
   */
  readonly file?: string;
  /** Partitions of a topic created with -1; default 8. */
  readonly partitions?: number;
  /**
   * How often members of the newer group protocol are asked to be heard of, in milliseconds; default 500. Kafka's own
   * default is 5,000, as its members are far away and many.
   */
  readonly heartbeatInterval?: number;
  /**
   * After how many milliseconds a silent member of that protocol is dead; default 10,000. Kafka's own default is 45,000.
   */
  readonly sessionTimeout?: number;
  /**
   * The shortest time between two assignments of that protocol, in milliseconds; default 0: each change is shared out at
   * once. Kafka's own default is 1,000.
   */
  readonly assignmentInterval?: number;
}

/** A partition's log as it is. */
export interface StoredLog {
  /** The first offset that can be read. */
  readonly startOffset: number;
  /** The offset of the next record. */
  readonly endOffset: number;
  /** Record batches, in order. */
  readonly batches: ReadonlyArray<Uint8Array>;
}

/** A group as the last request left it. */
export interface StoredGroup {
  /** Assigning and Reconciling are states of the newer protocol, of the others all but Empty and Stable of the classic. */
  readonly state: GroupState | "Assigning" | "Reconciling";
  /** The generation, or the group's epoch. */
  readonly generation: number;
  /** The leader's member id, or "": groups of the newer protocol have none. */
  readonly leader: string;
  readonly members: ReadonlyArray<{ readonly memberId: string; readonly groupInstanceId: string | null }>;
}

/** One Kafka. Several links' users in one process may share it. */
export class EmbeddedKafka {
  /** Fault injection: asked before each request is applied. */
  intercept: Intercept | null = null;
  #broker: Broker;
  #journal: FileJournal | null = null;
  #openings = 0;
  readonly #connections = new Set<EmbeddedConnection>();
  #running = true;
  #numbers = 0;

  /** Makes it; opens nothing yet. */
  constructor(readonly options: EmbeddedOptions = {}) {
    this.#broker = this.#makeBroker();
  }

  /**
   * Opens it and gives a link to it, whose connections end with the scope. Its file is read the first time, and closed
   * when the last scope that opened it has ended. Fails with ConfigError where the file can't be used: another process
   * has it, it is a folder or something else than such a file.
   */
  readonly open: Effect.Effect<Link, ConfigError, Scope.Scope> = Effect.suspend(() => {
    const mine = new Set<EmbeddedConnection>();
    const link: Link = {
      name: "embedded",
      bootstrap: [brokerAddress],
      connect: (address, role) =>
        Effect.acquireRelease(this.#connect(address, role, mine), (connection) => connection.close),
    };
    return Effect.acquireRelease(Effect.as(this.#enter, link), () =>
      Effect.sync(() => {
        for (const connection of [...mine]) connection.end("closed by this client");
        this.#leave();
      }));
  });

  readonly #enter: Effect.Effect<void, ConfigError> = Effect.suspend(() => {
    const { file } = this.options;
    if (this.#openings++ > 0 || file === undefined) return Effect.void;
    try {
      const { journal, cut } = FileJournal.open(file, this.#broker);
      this.#journal = journal;
      return cut === 0 ? Effect.void : Effect.logWarning(
        `${file}: its last ${cut} bytes were half an entry, never acknowledged; they are cut off`,
      );
    } catch (cause) {
      this.#leave();
      if (cause instanceof ConfigError) return Effect.fail(cause);
      const detail = `${file} can't be read: ${cause instanceof Error ? cause.message : cause}`;
      return Effect.fail(new ConfigError("file", detail, { cause }));
    }
  });

  #leave(): void {
    if (--this.#openings > 0 || this.options.file === undefined) return;
    this.#journal?.close();
    this.#journal = null;
    // What is in the file is read again: it may have changed by then.
    this.#broker = this.#makeBroker();
  }

  #makeBroker(): Broker {
    const { partitions = 8, heartbeatInterval = 500, sessionTimeout = 10_000, assignmentInterval = 0 } = this.options;
    return new Broker(partitions, { heartbeatInterval, sessionTimeout, assignmentInterval });
  }

  /** Takes the broker away: connections end, new ones are refused; what was stored stays. */
  stop(): void {
    this.#running = false;
    for (const connection of [...this.#connections]) connection.end("the broker has stopped");
  }

  /** Brings it back. Members of groups are kept; their time-outs run from the first request after this. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#broker.groups.restarted();
  }

  /**
   * Ends it as the death of its process does: connections end, and the file, which has all that was acknowledged, is let
   * go for another to open. It can't be used any more.
   */
  kill(): void {
    this.stop();
    this.#journal?.close();
    this.#journal = null;
  }

  /** Names of the topics, in the order of their creation. */
  topics(): ReadonlyArray<string> {
    return this.#broker.topics.all().map(({ name }) => name);
  }

  /** A partition's log, or undefined. */
  log(topic: string, partition: number): StoredLog | undefined {
    const log = this.#broker.topics.log(topic, partition);
    return log && new LogView(log);
  }

  /** What a group has committed for a partition, or undefined. */
  committed(
    groupId: string,
    topic: string,
    partition: number,
  ): { readonly offset: number; readonly metadata: string } | undefined {
    const note = this.#broker.offsets.get(groupId, topic, partition);
    return note && { offset: note.offset, metadata: note.metadata };
  }

  /** A group, or undefined where nobody has joined yet. */
  group(groupId: string): StoredGroup | undefined {
    const group = this.#broker.groups.peek(groupId);
    if (group === undefined) return undefined;
    const members = this.members(groupId);
    if (group instanceof ConsumerGroup) return { state: group.state, generation: group.epoch, leader: "", members };
    const { state, generation, leader } = group;
    return { state, generation, leader, members };
  }

  /** A group's members. */
  members(groupId: string): StoredGroup["members"] {
    const members = [...this.#broker.groups.peek(groupId)?.members.values() ?? []];
    return members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }));
  }

  #connect(
    address: BrokerAddress,
    role: Role,
    mine: Set<EmbeddedConnection>,
  ): Effect.Effect<Connection, ConnectionError> {
    return Effect.andThen(
      Effect.yieldNow,
      Effect.suspend(() => {
        const { host, port } = address;
        const here = host === brokerAddress.host && port === brokerAddress.port;
        if (!here || !this.#running) {
          const detail = here ? "the broker is stopped" : "there is only the embedded broker";
          return Effect.fail(new ConnectionError(`${host}:${port}`, "refused", detail));
        }
        const connections = this.#connections;
        const server = {
          broker: this.#broker,
          intercept: (request: Parameters<Intercept>[0]) => this.intercept?.(request) ?? null,
        };
        const connection = new EmbeddedConnection(server, ++this.#numbers, role, (ended) => {
          connections.delete(ended);
          mine.delete(ended);
        });
        connections.add(connection);
        mine.add(connection);
        return Effect.succeed(connection);
      }),
    );
  }
}

/** Asked for after every step of a simulation: the batches are only listed for who wants them. */
class LogView implements StoredLog {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly #log: PartitionLog;

  constructor(log: PartitionLog) {
    this.#log = log;
    this.startOffset = log.startOffset;
    this.endOffset = log.endOffset;
  }

  get batches(): ReadonlyArray<Uint8Array> {
    return this.#log.batches();
  }
}
