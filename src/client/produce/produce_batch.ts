/**
 * A batch of records on its way: encoded as they come, fixed at its first send.
 * @module
 */
import { decodeRecords, type Records } from "../../codec/batch_decoder.ts";
import { BatchEncoder } from "../../codec/batch_encoder.ts";
import { setProducer } from "../../codec/batch_header.ts";
import type { Compression } from "../../codec/compression.ts";
import type { LeaseLost, PublishError } from "../../errors.ts";
import type { ProducerRecord, RecordHeaders } from "../../record.ts";
import type { DeliveryObserver, PublishLease } from "../port.ts";

/** Under which id records are numbered. `serial` tells one from the next. */
export interface ProducerIdentity {
  /** The producer id, or -1n when not idempotent. */
  readonly id: bigint;
  /** Its epoch, or -1. */
  readonly epoch: number;
  /** Counts up with every id taken. */
  readonly serial: number;
}

/** A record and who waits for it. */
export interface Offered {
  readonly record: ProducerRecord;
  readonly observer: DeliveryObserver;
  readonly lease: PublishLease | null;
  readonly timestamp: number;
}

type Content = string | Uint8Array | null;
type LeaseState = ReturnType<PublishLease["state"]>;

/** Records of one partition that are sent, and settled, together. */
export class ProduceBatch {
  /** Who waits for each record, in order. */
  readonly observers: Array<DeliveryObserver> = [];
  /** The leases of its records, each once. */
  readonly leases: Array<PublishLease> = [];
  /** The sequence number of its first record; -1 until it is sealed, and without idempotence. */
  sequence = -1;
  /** Its place among the partition's sealed batches; -1 until it is sealed. */
  order = -1;
  /** How far the next place is: less than 1 for a part of a divided batch. */
  span = 1;
  /** How often it was sent under its sequence number. */
  attempts = 0;
  /** Bytes it is charged for. */
  charged = 0;
  /** The bytes to send, once sealed. */
  bytes: Uint8Array | null = null;
  /** Each record's lease; null while no record has any. */
  #leaseOf: Array<PublishLease | null> | null = null;
  /** Records that have named their partition themselves; null while none has. */
  #named: Set<number> | null = null;
  #encoder: BatchEncoder;

  /** `openedAt` in monotonic milliseconds; `epoch` is the earliest flush that waits for it. */
  constructor(readonly openedAt: number, public epoch: number, firstTimestamp: number, capacity: number) {
    this.#encoder = new BatchEncoder(firstTimestamp, capacity);
  }

  /** Records in it. */
  get count(): number {
    return this.observers.length;
  }

  /** Bytes, before compression. */
  get size(): number {
    return this.#encoder.size;
  }

  /** Its size with one more record. */
  sizeWith(key: Content, value: Content, headers: RecordHeaders): number {
    return this.#encoder.sizeWith(key, value, headers);
  }

  /** Puts a record at its end; `named` if it has named its partition. */
  add(
    key: Content,
    value: Content,
    headers: RecordHeaders,
    timestamp: number,
    observer: DeliveryObserver,
    lease: PublishLease | null,
    named = false,
  ): void {
    this.#encoder.add(key, value, headers, timestamp);
    if (named) (this.#named ??= new Set()).add(this.observers.length);
    this.observers.push(observer);
    if (lease === null) {
      this.#leaseOf?.push(null);
      return;
    }
    const { leases } = this;
    if (leases.length === 0 || (leases[leases.length - 1] !== lease && !leases.includes(lease))) leases.push(lease);
    this.#leaseOf ??= new Array<PublishLease | null>(this.observers.length - 1).fill(null);
    this.#leaseOf.push(lease);
  }

  /** Whether every record has a lease. */
  get leased(): boolean {
    return this.#leaseOf !== null && !this.#leaseOf.includes(null);
  }

  /** Its records one by one, as they were offered. This batch is not to be used any more. */
  dissolve(topic: string, partition: number): Array<Offered> {
    const records = this.#read();
    return this.observers.map((observer, i) => ({
      record: {
        topic,
        partition: this.#named?.has(i) ? partition : undefined,
        key: records.key(i),
        value: records.value(i),
        headers: records.headers(i),
      },
      observer,
      lease: this.#leaseOf?.[i] ?? null,
      timestamp: records.timestamp(i),
    }));
  }

  /** Whether its numbers are fixed. */
  get sealed(): boolean {
    return this.order >= 0;
  }

  /** Fixes its bytes and its place. */
  seal(producer: ProducerIdentity, sequence: number, order: number, compression: Compression): void {
    this.sequence = sequence;
    this.order = order;
    const { id: producerId, epoch: producerEpoch } = producer;
    const baseSequence = producerId < 0n ? -1 : sequence;
    if (this.bytes === null) {
      this.bytes = this.#encoder.finish({ producerId, producerEpoch, baseSequence, compression });
      return;
    }
    // A copy: a link may still hold the bytes of an earlier send.
    this.bytes = this.bytes.slice();
    setProducer(this.bytes, producerId, producerEpoch, baseSequence);
  }

  /** A sealed batch that is surely not stored is as if it had never been sent: it gets other numbers. */
  unseal(): void {
    this.sequence = this.order = -1;
    this.span = 1;
    this.attempts = 0;
  }

  /**
   * What its leases say as of now. Before its first send one that is not certain is enough, as its records can still be
   * taken out. After that it is sent as a whole or not at all, so it counts as long as any of its records may be sent.
   */
  leaseState(now: number, sent: boolean): LeaseState {
    if (sent && !this.leased) return "valid";
    let worst: LeaseState = "valid";
    let best: LeaseState = "fenced";
    for (const lease of this.leases) {
      const state = lease.state(now);
      if (state === "fenced" || worst === "valid") worst = state;
      if (state === "valid" || best === "fenced") best = state;
    }
    return sent ? best : worst;
  }

  /**
   * The batch, not sealed, without the records whose lease is fenced, and those records' observers. This batch is not to
   * be used any more.
   */
  withoutFenced(
    now: number,
  ): { readonly rest: ProduceBatch; readonly lost: Array<readonly [DeliveryObserver, LeaseLost]> } {
    const fenced = new Set(this.leases.filter((lease) => lease.state(now) === "fenced"));
    const leaseOf = this.#leaseOf ?? [];
    const lost: Array<readonly [DeliveryObserver, LeaseLost]> = [];
    this.observers.forEach((observer, i) => {
      const lease = leaseOf[i] ?? null;
      if (lease !== null && fenced.has(lease)) lost.push([observer, lease.lost()]);
    });
    const rest = this.#copy(this.#read(), (i) => !fenced.has(leaseOf[i] as PublishLease));
    return { rest, lost };
  }

  /** The two halves of a sealed batch that is too large for its broker, not sealed themselves. */
  halves(): readonly [ProduceBatch, ProduceBatch] {
    const records = this.#read();
    const middle = this.count >> 1;
    return [this.#copy(records, (i) => i < middle), this.#copy(records, (i) => i >= middle)];
  }

  /** Calls every observer once, in order; answers what one of them threw, if any did. */
  settle(topic: string, partition: number, error: PublishError | LeaseLost | null, base: number): unknown {
    let thrown: unknown = undefined;
    const { observers } = this;
    for (let i = 0; i < observers.length; i++) {
      const offset = error !== null || base < 0 ? -1 : base + i;
      try {
        observers[i].settled(error, { topic, partition, offset });
      } catch (cause) {
        thrown ??= cause;
      }
    }
    return thrown;
  }

  #read(): Records {
    this.bytes ??= this.#encoder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" });
    return decodeRecords(this.bytes, { from: 0, aborted: [] });
  }

  #copy(records: Records, keep: (index: number) => boolean): ProduceBatch {
    const size = this.bytes?.length ?? 0;
    const copy = new ProduceBatch(this.openedAt, this.epoch, records.length === 0 ? 0 : records.timestamp(0), size);
    for (let i = 0; i < records.length; i++) {
      if (!keep(i)) continue;
      const lease = this.#leaseOf?.[i] ?? null;
      copy.add(
        records.key(i),
        records.value(i),
        records.headers(i),
        records.timestamp(i),
        this.observers[i],
        lease,
        this.#named?.has(i),
      );
    }
    return copy;
  }
}
