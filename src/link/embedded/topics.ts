/**
 * The topics there are.
 * @module
 */
import { type Configs, type Journal, noJournal, StorageError } from "./log/journal.ts";
import type { Moment } from "./moment.ts";
import { PartitionLog } from "./log/partition_log.ts";
import { type TopicSettings, topicSettings } from "./topic_configs.ts";

/** A topic. */
export interface Topic {
  readonly name: string;
  /** 32 hex digits; another one if the topic is deleted and created again. */
  readonly id: string;
  readonly configs: Configs;
  /** What follows from its configuration. */
  readonly settings: TopicSettings;
  readonly partitions: Array<PartitionLog>;
}

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

  /** Removes what a log has kept long enough. Records that can't be removed now are removed later. */
  expire(topic: string, partition: number, log: PartitionLog, now: Moment): void {
    const start = log.expired(now.wall);
    if (start <= log.startOffset) return;
    try {
      this.journal.trimmed(topic, partition, start);
    } catch (cause) {
      if (!(cause instanceof StorageError)) throw cause;
      return;
    }
    log.trim(start);
  }

  /** All topics, in the order of their creation. */
  all(): ReadonlyArray<Topic> {
    return [...this.#topics.values()];
  }

  /** Makes a new one. */
  create(name: string, id: string, partitions: number, configs: Configs): Topic {
    this.journal.topicCreated({ name, id, partitions, configs });
    const settings = topicSettings(configs);
    const logs = Array.from({ length: partitions }, () => new PartitionLog(settings));
    const topic: Topic = { name, id, configs, settings, partitions: logs };
    this.#topics.set(name, topic);
    this.#byId.set(id, topic);
    return topic;
  }

  /** Gives it more partitions; `count` is the new total. */
  grow(topic: Topic, count: number): void {
    this.journal.topicGrown(topic.name, count);
    while (topic.partitions.length < count) topic.partitions.push(new PartitionLog(topic.settings));
  }

  /** Removes it with its records; who waits at its end is told. */
  delete(topic: Topic): void {
    this.journal.topicDeleted(topic.name);
    this.#topics.delete(topic.name);
    this.#byId.delete(topic.id);
    for (const log of topic.partitions) log.changed.wake();
  }
}
