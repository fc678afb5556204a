/**
 * The topics there are.
 * @module
 */
import { type Configs, type Journal, noJournal } from "./journal.ts";
import { PartitionLog } from "./partition_log.ts";

/** A topic. */
export interface Topic {
  readonly name: string;
  /** 32 hex digits; another one if the topic is deleted and created again. */
  readonly id: string;
  readonly configs: Configs;
  /** The largest batch it takes, in bytes. */
  readonly maxMessageBytes: number;
  readonly partitions: Array<PartitionLog>;
}

/** Kafka's own default of max.message.bytes: 1 MiB and the overhead of a batch. */
export const defaultMaxMessageBytes = 1_048_588;

/** All topics by name. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #byId = new Map<string, Topic>();
  /** Kept from now on. */
  journal: Journal = noJournal;

  /** A topic, if there is one. */
  get(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** A topic by its id, if there is one. */
  byId(id: string): Topic | undefined {
    return this.#byId.get(id);
  }

  /** A partition's log, if there is one. */
  log(topic: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(topic)?.partitions[partition];
  }

  /** All topics, in the order of their creation. */
  all(): ReadonlyArray<Topic> {
    return [...this.#topics.values()];
  }

  /** Makes a new one. */
  create(name: string, id: string, partitions: number, configs: Configs): Topic {
    this.journal.topicCreated({ name, id, partitions, configs });
    const topic: Topic = {
      name,
      id,
      configs,
      maxMessageBytes: Number(configs["max.message.bytes"] ?? defaultMaxMessageBytes),
      partitions: Array.from({ length: partitions }, () => new PartitionLog()),
    };
    this.#topics.set(name, topic);
    this.#byId.set(id, topic);
    return topic;
  }

  /** Gives it more partitions; `count` is the new total. */
  grow(topic: Topic, count: number): void {
    this.journal.topicGrown(topic.name, count);
    while (topic.partitions.length < count) topic.partitions.push(new PartitionLog());
  }

  /** Removes it with its records; who waits at its end is told. */
  delete(topic: Topic): void {
    this.journal.topicDeleted(topic.name);
    this.#topics.delete(topic.name);
    this.#byId.delete(topic.id);
    for (const log of topic.partitions) log.changed.wake();
  }
}
