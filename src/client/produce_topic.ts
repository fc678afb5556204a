/**
 * One topic as the sender sees it: its partitions, and the records that wait to know theirs.
 * @module
 */
import { partitionForKey } from "../codec/murmur2.ts";
import type { TopicMetadata } from "../link/protocol.ts";
import type { ProducerRecord } from "../record.ts";
import type { DeliveryObserver, PublishLease } from "./port.ts";
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
  /** Records that wait for its metadata, in order. */
  readonly parked: Array<ParkedRecord> = [];
  /** The partition that keyless records go to until its batch is closed, or -1. */
  sticky = -1;

  /** Knows nothing yet. */
  constructor(readonly name: string) {}

  /** Takes new metadata over. */
  adopt(metadata: TopicMetadata | undefined): void {
    if (metadata === undefined || metadata === this.metadata) return;
    // A topic that was deleted and created again: its log knows no producer, and it may have fewer partitions.
    if (this.metadata !== undefined && this.metadata.topicId !== metadata.topicId) {
      for (const partition of this.partitions) partition.proven = false;
    }
    this.metadata = metadata;
    if (this.partitions.length > metadata.partitions.length) this.partitions.length = metadata.partitions.length;
    if (this.sticky >= this.partitions.length) this.sticky = -1;
    for (const { partition, leader } of metadata.partitions) {
      const known = this.partitions[partition] ??= new ProducePartition(this.name, partition);
      if (known.leader === leader) continue;
      known.leader = leader;
      known.mutedUntil = 0;
    }
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
