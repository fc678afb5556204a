/**
 * One topic as the sender sees it: its partitions, and the records that wait to know theirs.
 * @module
 */
import { partitionForKey } from "../../codec/murmur2.ts";
import type { TopicMetadata } from "../../link/protocol.ts";
import type { ProducerRecord } from "../../record.ts";
import type { DeliveryObserver, PublishLease } from "../port.ts";
import type { ProducerIdentity } from "./produce_batch.ts";
import { ProducePartition } from "./produce_partition.ts";

/** A record whose partition is not known yet. */
export interface ParkedRecord {
  readonly record: ProducerRecord;
  readonly observer: DeliveryObserver;
  readonly lease: PublishLease | null;
  readonly timestamp: number;
  readonly at: number;
  readonly epoch: number;
  readonly size: number;
}

/** A topic to publish to. */
export class ProduceTopic {
  /** What was last heard of it. */
  metadata: TopicMetadata | undefined = undefined;
  /** Its partitions by number; none while it is unknown. */
  readonly partitions: Array<ProducePartition> = [];
  /** Records that wait for its metadata, in order. A set, as any of many may leave, most often the first. */
  parked = new Set<ParkedRecord>();
  /** Partitions of a topic of this name that is no more, as long as batches of theirs are in flight. */
  retired: Array<ProducePartition> = [];
  /** Records of theirs, to be parked once all are back. */
  readonly recalled: Array<ParkedRecord> = [];
  /** When parked records have to be looked at, in monotonic milliseconds. */
  lookAt = Infinity;
  /** The partition that keyless records go to until its batch is closed, or -1. */
  sticky = -1;
  /** Under which producer ids its retired partitions were written. */
  readonly #writers = new Map<number, ProducerIdentity | null>();

  /** Knows nothing yet. */
  constructor(readonly name: string) {}

  /** Takes new metadata over. */
  adopt(metadata: TopicMetadata | undefined): void {
    if (metadata === undefined || metadata === this.metadata) return;
    if (this.metadata !== undefined && this.metadata.topicId !== metadata.topicId) this.#retire();
    if (this.retired.length > 0) return;
    this.metadata = metadata;
    for (const { partition, leader } of metadata.partitions) {
      const known = this.partitions[partition] ??= this.#open(partition);
      if (known.leader === leader) continue;
      known.leader = leader;
      known.mutedUntil = 0;
    }
  }

  /**
   * The topic was deleted and created again, perhaps with fewer partitions: keys belong elsewhere now. So everything that
   * waits is given its partition anew, once what is in flight is back.
   */
  #retire(): void {
    for (const partition of this.partitions) {
      this.#writers.set(partition.partition, partition.producer);
      partition.retired = true;
      if (!partition.idle()) this.retired.push(partition);
    }
    this.partitions.length = 0;
    this.sticky = -1;
    this.metadata = undefined;
  }

  #open(number: number): ProducePartition {
    const partition = new ProducePartition(this.name, number);
    // Numbers begin at 0 again, so it takes a producer id that no log of this name knows.
    const writer = this.#writers.get(number) ?? null;
    this.#writers.delete(number);
    partition.producer = writer;
    partition.renewing = writer !== null && writer.id >= 0n;
    return partition;
  }

  /** The partition a record goes to; undefined while that is not known. `random` gives numbers from 0 to 1. */
  choose(record: ProducerRecord, random: () => number): ProducePartition | undefined {
    const { partitions } = this;
    if (record.partition !== undefined) return partitions[record.partition];
    if (partitions.length === 0) return undefined;
    if (record.key !== null) return partitions[partitionForKey(bytesOf(record.key), partitions.length)];
    // One partition until its batch is closed: a full batch costs what a batch of one does.
    if (this.sticky < 0 || partitions[this.sticky].open === null) {
      const led = partitions.filter(({ leader }) => leader >= 0);
      const choice = led.length > 0 ? led : partitions;
      this.sticky = choice[Math.floor(random() * choice.length)]?.partition ?? -1;
    }
    return partitions[this.sticky];
  }
}

const encoder = new TextEncoder();
let scratch = new Uint8Array(256);

/** A key's UTF-8 bytes: a view that is valid until the next call. */
function bytesOf(key: string | Uint8Array): Uint8Array {
  if (typeof key !== "string") return key;
  const { length } = key;
  if (length * 3 > scratch.length) scratch = new Uint8Array(length * 6);
  if (length <= 48) {
    let at = 0;
    for (; at < length; at++) {
      const code = key.charCodeAt(at);
      if (code > 127) break;
      scratch[at] = code;
    }
    if (at === length) return scratch.subarray(0, length);
  }
  return scratch.subarray(0, encoder.encodeInto(key, scratch).written);
}
