/**
 * A journal in a file: what its entries say, and how a broker is built from them.
 * @module
 */
import { viewOf } from "../../../codec/batch_header.ts";
import type { Broker } from "../broker.ts";
import { type Entry, FileLog } from "./file_log.ts";
import type { CommitNote, Configs, Journal } from "./journal.ts";

/** The kinds of entries. */
const Kind = {
  topicCreated: 1,
  topicGrown: 2,
  topicDeleted: 3,
  appended: 4,
  trimmed: 5,
  committed: 6,
  producerIds: 7,
} as const;

/** Below this a file is not worth rewriting, in bytes. */
const smallFile = 65_536;
/** About what a committed offset takes, in bytes. */
const committedSize = 128;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A broker's changes in a file. */
export class FileJournal {
  #log: FileLog;
  /** How large the file gets before somebody looks whether it is still worth it. */
  #looksAt = smallFile;

  private constructor(log: FileLog, readonly broker: Broker) {
    this.#log = log;
  }

  /**
   * Opens the file, does everything it says to `broker`, which is new, and writes its changes from now on. Gives how
   * many bytes of a half-written entry had to be cut off. Throws ConfigError.
   */
  static open(path: string, broker: Broker): { readonly journal: FileJournal; readonly cut: number } {
    const journal = new FileJournal(FileLog.open(path), broker);
    try {
      const cut = journal.#log.read((entry) => replay(entry, broker));
      journal.#tidy();
      broker.journal = writing(() => journal.#log, () => journal.#tidy());
      return { journal, cut };
    } catch (cause) {
      journal.close();
      throw cause;
    }
  }

  /** Closes the file. */
  close(): void {
    this.#log.close();
  }

  /** Writes the file anew where most of it is about what is gone: never more often than it has doubled. */
  #tidy(): void {
    const size = this.#log.size;
    if (size <= this.#looksAt) return;
    const live = liveSize(this.broker);
    this.#looksAt = Math.max(smallFile, 2 * live);
    if (live >= size / 2) return;
    try {
      this.#rewrite();
    } catch {
      // The file is as it was, and only too large: there will be another time.
      this.#looksAt = 2 * size;
    }
  }

  /** Writes what there is into a new file, which takes the place of the old one in one step, when it is all there. */
  #rewrite(): void {
    const path = `${this.#log.path}.new`;
    const next = FileLog.create(path);
    try {
      dump(this.broker, writing(() => next));
      this.#log = next.replace(this.#log);
    } catch (cause) {
      next.close();
      Deno.removeSync(path);
      throw cause;
    }
  }
}

/** Writes into whatever file it is at the time. */
function writing(log: () => FileLog, applied: () => void = () => {}): Journal {
  const append = (kind: number, value: unknown) => log().append(kind, encoder.encode(JSON.stringify(value)));
  return {
    topicCreated: (topic) => append(Kind.topicCreated, topic),
    topicGrown: (name, partitions) => append(Kind.topicGrown, { name, partitions }),
    topicDeleted: (name) => append(Kind.topicDeleted, { name }),
    appended: (topic, partition, batch) => {
      const name = encoder.encode(topic);
      const head = new Uint8Array(6 + name.length);
      const view = viewOf(head);
      view.setUint16(0, name.length);
      head.set(name, 2);
      view.setUint32(2 + name.length, partition);
      log().append(Kind.appended, head, batch);
    },
    trimmed: (topic, partition, startOffset) => append(Kind.trimmed, { topic, partition, startOffset }),
    committed: (groupId, offsets) => append(Kind.committed, { groupId, offsets }),
    producerIdsBelow: (next) => append(Kind.producerIds, { next: String(next) }),
    applied,
  };
}

interface TopicNote {
  readonly name: string;
  readonly id: string;
  readonly partitions: number;
  readonly configs: Configs;
}

function replay({ kind, payload }: Entry, broker: Broker): void {
  const { topics, offsets } = broker;
  if (kind === Kind.appended) {
    const view = viewOf(payload);
    const end = 2 + view.getUint16(0);
    topics.log(decoder.decode(payload.subarray(2, end)), view.getUint32(end))?.restore(payload.subarray(end + 4));
    return;
  }
  const value: unknown = JSON.parse(decoder.decode(payload));
  switch (kind) {
    case Kind.topicCreated: {
      const { name, id, partitions, configs } = value as TopicNote;
      topics.create(name, id, partitions, configs);
      return;
    }
    case Kind.topicGrown: {
      const { name, partitions } = value as TopicNote;
      const topic = topics.get(name);
      if (topic !== undefined) topics.grow(topic, partitions);
      return;
    }
    case Kind.topicDeleted: {
      const { name } = value as TopicNote;
      const topic = topics.get(name);
      if (topic !== undefined) topics.delete(topic);
      offsets.forget(name);
      return;
    }
    case Kind.trimmed: {
      const { topic, partition, startOffset } = value as { topic: string; partition: number; startOffset: number };
      topics.log(topic, partition)?.trim(startOffset);
      return;
    }
    case Kind.committed: {
      const { groupId, offsets: notes } = value as { groupId: string; offsets: ReadonlyArray<CommitNote> };
      offsets.set(groupId, notes);
      return;
    }
    case Kind.producerIds:
      broker.nextProducerId = BigInt((value as { next: string }).next);
  }
}

/** Writes everything there is. */
function dump({ topics, offsets, nextProducerId }: Broker, journal: Journal): void {
  for (const { name, id, partitions, configs } of topics.all()) {
    journal.topicCreated({ name, id, partitions: partitions.length, configs });
    partitions.forEach((log, partition) => {
      for (const batch of log.batches()) journal.appended(name, partition, batch);
      if (log.startOffset > 0) journal.trimmed(name, partition, log.startOffset);
    });
  }
  for (const groupId of offsets.groups()) journal.committed(groupId, offsets.of(groupId));
  journal.producerIdsBelow(nextProducerId);
}

/** About how many bytes `dump` would write. */
function liveSize({ topics, offsets }: Broker): number {
  let size = 0;
  for (const { partitions } of topics.all()) for (const log of partitions) size += log.available(log.startOffset);
  for (const groupId of offsets.groups()) size += offsets.of(groupId).length * committedSize;
  return size;
}
