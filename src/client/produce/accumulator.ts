/**
 * Takes records in: chooses their partition, encodes them into its open batch, and bounds what is held.
 * @module
 */
import type { Clock } from "effect";
import { type LeaseLost, PublishError } from "../../errors.ts";
import type { TopicMetadata } from "../../link/protocol.ts";
import type { ProducerRecord, RecordHeaders } from "../../record.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import type { DeliveryObserver, PublishLease } from "../port.ts";
import { ProduceBatch } from "./produce_batch.ts";
import type { ProducePartition } from "./produce_partition.ts";
import { type ParkedRecord, ProduceTopic } from "./produce_topic.ts";

/** What bounds batches and memory. */
export interface AccumulatorSettings {
  readonly linger: number;
  readonly batchRecords: number;
  readonly batchBytes: number;
  readonly memoryBytes: number;
}

/** What the accumulator needs from around it. */
export interface AccumulatorPort {
  readonly clock: Clock.Clock;
  /** A random number from 0 to 1. */
  readonly random: () => number;
  readonly metadata: (topic: string) => TopicMetadata | undefined;
  /** Whether a topic that was there has not been for a while. */
  readonly absent: (topic: string) => boolean;
  /** Something has to be looked at no later than `at`, in monotonic milliseconds. */
  readonly due: (at: number) => void;
  /** Memory has become free. */
  readonly room: () => void;
  /** Everything of a flush may be settled. */
  readonly settled: () => void;
  /** An observer threw. */
  readonly thrown: (cause: unknown) => void;
}

const noHeaders: RecordHeaders = [];
/** How often is looked whether a record that waits for its topic still has its lease, in milliseconds. */
const leaseLook = 1_000;

/** Everything accepted and not settled. */
export class Accumulator {
  /** Topics by name. */
  readonly topics = new Map<string, ProduceTopic>();
  /** Partitions with something to do. */
  readonly active = new Set<ProducePartition>();
  /** Records accepted and not settled. */
  records = 0;
  /** Bytes held. */
  memory = 0;
  /** True after the end: nothing is accepted. */
  stopped = false;
  /** Counts flushes: what is accepted later belongs to the next. */
  epoch = 0;
  /** Unsettled batches and parked records by flush; flushes ascend. */
  readonly #unsettled = new Map<number, number>();

  /** Holds nothing yet. */
  constructor(readonly settings: AccumulatorSettings, readonly port: AccumulatorPort) {}

  /** See `Sender.offer`. */
  offer(record: ProducerRecord, observer: DeliveryObserver, lease: PublishLease | null): boolean {
    if (this.stopped) {
      this.#refuse(record, observer, record.partition ?? -1, "STOPPED", "the sender has ended");
      return true;
    }
    if (this.memory >= this.settings.memoryBytes) return false;
    const timestamp = record.timestamp ?? this.port.clock.currentTimeMillisUnsafe();
    const topic = this.#topic(record.topic);
    const partition = topic.parked.size > 0 ? undefined : topic.choose(record, this.port.random);
    if (partition === undefined) this.#park(topic, record, observer, lease, timestamp);
    else this.#append(partition, record, observer, lease, timestamp, -1, this.epoch);
    return true;
  }

  /** Takes up what metadata has told about topics, and moves parked records on whose partition is known now. */
  adopt(): void {
    for (const topic of this.topics.values()) {
      const known = this.port.metadata(topic.name);
      if (known === topic.metadata) continue;
      topic.adopt(known);
      if (topic.retired.length > 0) {
        this.#recall(topic);
        topic.adopt(known);
      }
      this.unpark(topic, -1);
    }
  }

  /** Takes back what waits at the partitions of a topic that is no more; it is parked once nothing is in flight there. */
  #recall(topic: ProduceTopic): void {
    topic.retired = topic.retired.filter((partition) => {
      if (partition.flying.length > 0) return true;
      partition.close();
      for (const batch of partition.queue.splice(0)) {
        const { openedAt: at, epoch } = batch;
        const size = Math.ceil(batch.charged / batch.count);
        for (const offered of batch.dissolve(topic.name, partition.partition)) {
          topic.recalled.push({ ...offered, at, epoch, size });
          this.#count(epoch, 1);
          this.memory += size;
        }
        this.memory -= batch.charged;
        this.#settledOne(epoch);
      }
      this.active.delete(partition);
      return false;
    });
    if (topic.retired.length > 0) return;
    topic.parked = new Set([...topic.recalled.splice(0), ...topic.parked]);
    topic.lookAt = 0;
  }

  /**
   * Moves parked records on whose partition is known now. Those parked before `askedAt`, when the present metadata was
   * asked for, fail if their partition does not exist.
   */
  unpark(topic: ProduceTopic, askedAt: number): void {
    const { parked } = topic;
    if (topic.partitions.length === 0) return;
    for (const one of parked) {
      const { record, observer, lease, timestamp, at, epoch, size } = one;
      const partition = topic.choose(record, this.port.random);
      if (partition === undefined && at > askedAt) return;
      parked.delete(one);
      this.memory -= size;
      this.records--;
      if (partition !== undefined) {
        // Under a lease it was waited for however long it took: its time-out begins now.
        const since = lease === null ? at : monotonicMs(this.port.clock);
        this.#append(partition, record, observer, lease, timestamp, since, epoch);
      } else {
        const detail = `${topic.name} has ${topic.partitions.length} partitions`;
        this.#refuse(record, observer, record.partition ?? -1, "UNKNOWN_PARTITION", detail);
      }
      // Last, so that its flush does not look settled in between.
      this.#settledOne(epoch);
    }
  }

  /**
   * Fails parked records that have waited for `timeout` milliseconds; answers when to look again. Those under a lease wait
   * on for their topic, as long as the lease is not fenced: an actor that began again would only come to the same place.
   */
  expireParked(topic: ProduceTopic, now: number, timeout: number): number {
    if (now < topic.lookAt) return topic.lookAt;
    topic.lookAt = Infinity;
    for (const one of topic.parked) {
      const { at, lease } = one;
      const due = at + timeout;
      if (due > now) {
        topic.lookAt = Math.min(topic.lookAt, due);
        break;
      }
      if (lease === null) {
        this.#dropParked(topic, one, "UNKNOWN_TOPIC_OR_PARTITION", "not created before the delivery time-out");
      } else if (lease.state(now) === "fenced") this.#dropParked(topic, one, "", "");
      else topic.lookAt = now + leaseLook;
    }
    return topic.lookAt;
  }

  /** Fails what is parked: this user may not know of the topic, so it will not be there for it. */
  denyParked(topic: ProduceTopic): void {
    const detail = "this user may not describe it, if it exists; see the broker's ACLs";
    for (const one of topic.parked) this.#dropParked(topic, one, "TOPIC_AUTHORIZATION_FAILED", detail);
  }

  /** A batch has left its partition for good: tells its observers. */
  settle(
    { topic, partition }: ProducePartition,
    batch: ProduceBatch,
    error: PublishError | LeaseLost | null,
    base: number,
  ): void {
    this.records -= batch.count;
    this.memory -= batch.charged;
    const thrown = batch.settle(topic, partition, error, base);
    if (thrown !== undefined) this.port.thrown(thrown);
    this.#settledOne(batch.epoch);
    this.port.room();
  }

  /** One batch has become `parts`; what is in them is what was in it, less `lost`. */
  divided(batch: ProduceBatch, parts: ReadonlyArray<ProduceBatch>, lost: number): void {
    const whole = batch.charged;
    for (const part of parts) {
      part.charged = Math.round(whole * part.count / batch.count);
      this.#count(part.epoch, 1);
    }
    this.memory += parts.reduce((sum, part) => sum + part.charged, -whole);
    this.records -= lost;
    this.#settledOne(batch.epoch);
    if (lost > 0) this.port.room();
  }

  /** Closes every open batch, and answers the flush that all accepted so far belongs to. */
  seal(): number {
    for (const partition of this.active) partition.close();
    return this.epoch++;
  }

  /** Whether everything of the flushes up to this one is settled. */
  isSettled(epoch: number): boolean {
    for (const open of this.#unsettled.keys()) return open > epoch;
    return true;
  }

  /** Ends: everything held fails. */
  stop(): void {
    this.stopped = true;
    for (const topic of this.topics.values()) {
      for (const one of topic.recalled.splice(0)) topic.parked.add(one);
      for (const one of topic.parked) this.#dropParked(topic, one, "STOPPED", "the sender has ended");
    }
    for (const partition of this.active) {
      partition.close();
      const { topic, partition: number, flying, queue } = partition;
      const error = new PublishError(topic, number, "STOPPED", "the sender has ended before it was acknowledged");
      for (const batch of [...flying.splice(0), ...queue.splice(0)]) this.settle(partition, batch, error, -1);
    }
  }

  #topic(name: string): ProduceTopic {
    let topic = this.topics.get(name);
    if (topic === undefined) {
      this.topics.set(name, topic = new ProduceTopic(name));
      topic.adopt(this.port.metadata(name));
    }
    return topic;
  }

  #append(
    partition: ProducePartition,
    { key, value, headers = noHeaders, partition: named }: ProducerRecord,
    observer: DeliveryObserver,
    lease: PublishLease | null,
    timestamp: number,
    offeredAt: number,
    epoch: number,
  ): void {
    const { batchBytes, batchRecords, linger } = this.settings;
    let batch = partition.open;
    if (batch !== null && batch.sizeWith(key, value, headers) > batchBytes) {
      partition.close();
      this.port.due(0);
      batch = null;
    }
    if (batch === null) {
      const now = offeredAt >= 0 ? offeredAt : monotonicMs(this.port.clock);
      batch = new ProduceBatch(now, this.epoch, timestamp, partition.expected);
      const size = batch.sizeWith(key, value, headers);
      if (size > batchBytes) {
        const { topic, partition: number } = partition;
        const detail = `${size} bytes, more than a batch of ${batchBytes}`;
        this.#refuse({ topic }, observer, number, "RECORD_TOO_LARGE", detail);
        return;
      }
      partition.open = batch;
      this.active.add(partition);
      this.#count(this.epoch, 1);
      this.port.due(now + linger);
    }
    if (batch.epoch > epoch) {
      // It was parked before a flush that must go on waiting for it.
      this.#count(epoch, 1);
      this.#settledOne(batch.epoch);
      batch.epoch = epoch;
    }
    const before = batch.charged;
    batch.add(key, value, headers, timestamp, observer, lease, named !== undefined);
    batch.charged = batch.size;
    this.memory += batch.charged - before;
    this.records++;
    if (batch.count >= batchRecords || batch.size >= batchBytes) {
      partition.close();
      this.port.due(0);
    }
  }

  #park(
    topic: ProduceTopic,
    record: ProducerRecord,
    observer: DeliveryObserver,
    lease: PublishLease | null,
    timestamp: number,
  ): void {
    // Characters for bytes will do: it is only a bound.
    const size = 200 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    const at = monotonicMs(this.port.clock);
    topic.parked.add({ record, observer, lease, timestamp, at, epoch: this.epoch, size });
    topic.lookAt = Math.min(topic.lookAt, at + leaseLook);
    this.#count(this.epoch, 1);
    this.memory += size;
    this.records++;
    this.port.due(0);
  }

  /** Fails a parked record; without a type because its lease is lost. */
  #dropParked(topic: ProduceTopic, parked: ParkedRecord, type: string, detail: string): void {
    topic.parked.delete(parked);
    this.memory -= parked.size;
    this.records--;
    const { record, observer, lease } = parked;
    if (type !== "" || lease === null) this.#refuse(record, observer, record.partition ?? -1, type, detail);
    else this.#tell(observer, lease.lost(), record.topic, record.partition ?? -1);
    this.#settledOne(parked.epoch);
    this.port.room();
  }

  #refuse({ topic }: { topic: string }, observer: DeliveryObserver, partition: number, type: string, detail: string) {
    this.#tell(observer, new PublishError(topic, partition, type, detail), topic, partition);
  }

  #tell(observer: DeliveryObserver, error: PublishError | LeaseLost, topic: string, partition: number): void {
    try {
      observer.settled(error, { topic, partition, offset: -1 });
    } catch (cause) {
      this.port.thrown(cause);
    }
  }

  #count(epoch: number, by: number): void {
    this.#unsettled.set(epoch, (this.#unsettled.get(epoch) ?? 0) + by);
  }

  #settledOne(epoch: number): void {
    const left = (this.#unsettled.get(epoch) ?? 0) - 1;
    if (left > 0) {
      this.#unsettled.set(epoch, left);
    } else {
      this.#unsettled.delete(epoch);
      this.port.settled();
    }
  }
}
