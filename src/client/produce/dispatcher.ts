/**
 * Decides what is sent when, and what becomes of the answers. Plain state and plain functions: the loop around it is
 * in sender.ts.
 * @module
 */
import type { Compression } from "../../codec/compression.ts";
import { PublishError } from "../../errors.ts";
import { errorName } from "../../link/error_code.ts";
import type { Answer, PerTopic, Request } from "../../link/protocol.ts";
import { partitionKey } from "../../record.ts";
import type { Accumulator } from "./accumulator.ts";
import { judge } from "./produce_answer.ts";
import type { ProduceBatch, ProducerIdentity } from "./produce_batch.ts";
import type { ProducePartition } from "./produce_partition.ts";

/** Settings of the dispatcher. */
export interface DispatcherSettings {
  readonly linger: number;
  readonly maxInFlight: number;
  readonly compression: Compression;
  readonly deliveryTimeout: number;
  readonly requestBytes: number;
  readonly idempotent: boolean;
}

/** A batch and where it goes. */
export interface Shipment {
  readonly partition: ProducePartition;
  readonly batch: ProduceBatch;
}

/** A partition that was refused is left alone for so long, in milliseconds; doubles up to `longestMute`. */
const shortestMute = 20;
const longestMute = 200;
/** How long a batch that has lingered goes on growing while it can't be sent, in milliseconds. */
const longestGrowth = 1_000;
/** How soon an expired lease is asked again, in milliseconds. */
const leasePause = 50;

/** The state of sending, between the accumulator and the brokers. */
export class Dispatcher {
  /** The newest producer id, or null while there is none. */
  producer: ProducerIdentity | null = null;
  /** Topics whose metadata is doubted. */
  readonly doubted = new Set<string>();
  /** Lines for the log. */
  readonly notes: Array<string> = [];
  /** When time alone will change something, in monotonic milliseconds. */
  due = Infinity;

  /** Begins with nothing in flight. */
  constructor(readonly accumulator: Accumulator, readonly settings: DispatcherSettings) {}

  /** Whether a producer id is needed that differs from the newest. */
  needsProducer(): boolean {
    if (this.producer === null) return this.accumulator.active.size > 0;
    for (const partition of this.accumulator.active) {
      if (partition.renewing && partition.producer === this.producer) return true;
    }
    return false;
  }

  /** Begins a round: takes metadata over, fails what has waited too long. */
  begin(now: number): void {
    this.due = Infinity;
    const { accumulator, settings: { deliveryTimeout } } = this;
    accumulator.adopt();
    for (const topic of accumulator.topics.values()) {
      if (topic.parked.size === 0) continue;
      this.due = Math.min(this.due, accumulator.expireParked(topic, now, deliveryTimeout));
      if (topic.parked.size > 0) this.doubted.add(topic.name);
    }
    for (const partition of accumulator.active) {
      this.#expire(partition, now);
      if (partition.idle()) accumulator.active.delete(partition);
    }
  }

  /** Partitions with a batch that may go now, by broker. */
  ready(now: number): Map<number, Array<ProducePartition>> {
    const byBroker = new Map<number, Array<ProducePartition>>();
    for (const partition of this.accumulator.active) {
      if (!this.#isReady(partition, now)) continue;
      const ready = byBroker.get(partition.leader);
      if (ready === undefined) byBroker.set(partition.leader, [partition]);
      else ready.push(partition);
    }
    return byBroker;
  }

  /** Takes one batch of each of these partitions, as far as leases and the size of a request allow. */
  load(partitions: ReadonlyArray<ProducePartition>, now: number): Array<Shipment> {
    const shipments: Array<Shipment> = [];
    let size = 0;
    for (const partition of partitions) {
      if (size >= this.settings.requestBytes) break;
      const batch = this.#take(partition, now);
      if (batch === null) continue;
      batch.attempts++;
      partition.flying.push(batch);
      partition.flyingTo = partition.leader;
      size += batch.bytes?.length ?? 0;
      shipments.push({ partition, batch });
    }
    return shipments;
  }

  /** Right before these are sent: takes back what no lease allows any more, and answers the rest. */
  recall(shipments: ReadonlyArray<Shipment>, now: number): ReadonlyArray<Shipment> {
    const allowed = ({ batch }: Shipment) => this.#leaseState(batch, now, batch.attempts > 1) === "valid";
    if (shipments.every(allowed)) return shipments;
    for (const shipment of shipments) {
      if (allowed(shipment)) continue;
      const { partition, batch } = shipment;
      this.#land(partition, batch);
      if (--batch.attempts === 0) partition.unnumber(batch);
      partition.giveBack(batch);
      this.#hold(partition, now);
    }
    return shipments.filter(({ partition, batch }) => partition.flying.includes(batch));
  }

  /** The outcome of these is unknown: they are sent again. */
  unanswered(shipments: ReadonlyArray<Shipment>): void {
    for (const { partition, batch } of shipments) {
      this.#land(partition, batch);
      partition.giveBack(batch);
      this.doubted.add(partition.topic);
    }
  }

  /** Settles each batch by its own part of the answer; what the answer does not name is sent again. */
  answered(shipments: ReadonlyArray<Shipment>, answer: Answer<"Produce">, now: number): void {
    const parts = new Map<string, { readonly errorCode: number; readonly baseOffset: number }>();
    for (const { name, partitions } of answer.topics) {
      for (const part of partitions) parts.set(partitionKey(name, part.partition), part);
    }
    for (const { partition, batch } of shipments) {
      const part = parts.get(partitionKey(partition.topic, partition.partition));
      this.#judge(partition, batch, part?.errorCode ?? -1, part?.baseOffset ?? -1, now);
    }
  }

  #judge(partition: ProducePartition, batch: ProduceBatch, errorCode: number, baseOffset: number, now: number): void {
    this.#land(partition, batch);
    switch (judge(errorCode)) {
      case "stored":
        partition.proven = true;
        partition.failures = 0;
        partition.refusal = "";
        return this.accumulator.settle(partition, batch, null, baseOffset);
      case "refused": {
        const pause = Math.min(longestMute, shortestMute * 2 ** Math.min(partition.failures++, 8));
        partition.mutedUntil = now + pause;
        partition.refusal = `, the broker's last answer was ${errorName(errorCode)}`;
        if (partition.failures % 50 === 0) {
          const { topic, partition: number, failures } = partition;
          this.notes.push(`${topic}/${number}: refused ${failures} times, trying again: ${errorName(errorCode)}`);
        }
        this.doubted.add(partition.topic);
        return partition.giveBack(batch);
      }
      case "misnumbered":
        // Behind a batch that is still to be repeated that was to be expected. At the head the sequence has a hole
        // (an earlier batch was given up) or the broker has forgotten the producer: this batch is not stored, so it
        // may go again under a new producer id.
        if (partition.isHead(batch)) partition.renewing = this.settings.idempotent;
        return partition.giveBack(batch);
      case "tooLarge":
      case "spoilt":
        if (batch.count > 1) return this.#divide(partition, batch);
        break;
      case "failed":
        break;
    }
    // The numbers go on behind it: what was sent before it may still have to be repeated under the same producer id.
    const { topic, partition: number } = partition;
    const type = judge(errorCode) === "tooLarge" ? "RECORD_TOO_LARGE" : errorName(errorCode);
    const error = new PublishError(topic, number, type, `the broker refuses it (${errorName(errorCode)})`);
    this.accumulator.settle(partition, batch, error, -1);
  }

  #land(partition: ProducePartition, batch: ProduceBatch): void {
    const at = partition.flying.indexOf(batch);
    if (at >= 0) partition.flying.splice(at, 1);
  }

  /** Both halves together have the sequence numbers of the whole, which was not stored: there is no hole. */
  #divide(partition: ProducePartition, batch: ProduceBatch): void {
    const { producer } = partition;
    const halves = batch.halves();
    this.accumulator.divided(batch, halves, 0);
    partition.replace(batch, halves, (half) => {
      if (producer !== null) half.seal(producer, half.sequence, half.order, this.settings.compression);
      // As it stands in the place of a repeated batch it has to go alone, too.
      half.attempts = 1;
    });
  }

  #expire(partition: ProducePartition, now: number): void {
    const { topic, partition: number, queue } = partition;
    const { deliveryTimeout } = this.settings;
    const limit = now - deliveryTimeout;
    // A batch that can't be sent does not grow for ever: its last record would be given up as early as its first.
    const grown = partition.open === null
      ? Infinity
      : partition.open.openedAt + this.settings.linger + Math.min(longestGrowth, deliveryTimeout / 10);
    if (grown <= now) partition.close();
    else this.due = Math.min(this.due, grown);
    // The queue is in the order of offering, so the oldest comes first. What is in flight waits for its answer, which
    // comes within the request time-out. A batch given up after it was sent may be stored or not: the numbers go on
    // behind it, and the broker tells by refusing the next one.
    // Who publishes under a lease would only begin again, and come to the same place: that waits for its topic.
    if (this.accumulator.port.absent(topic)) partition.awayAt = now;
    const since = (one: ProduceBatch) =>
      partition.awayAt > one.openedAt && one.leased ? partition.awayAt : one.openedAt;
    for (let i = 0; i < queue.length;) {
      const batch = queue[i];
      const from = since(batch);
      if (from <= limit) {
        queue.splice(i, 1);
        const detail = `not acknowledged within ${deliveryTimeout} ms${partition.refusal}`;
        this.accumulator.settle(partition, batch, new PublishError(topic, number, "DELIVERY_TIMEOUT", detail), -1);
        continue;
      }
      this.due = Math.min(this.due, from + deliveryTimeout);
      // What waits for its topic does not make those behind it wait.
      if (from === batch.openedAt) return;
      i++;
    }
    if (partition.open !== null) this.due = Math.min(this.due, since(partition.open) + deliveryTimeout);
  }

  #isReady(partition: ProducePartition, now: number): boolean {
    const { producer, flying, queue, open } = partition;
    if (this.producer === null || partition.retired) return false;
    if (producer === null || partition.renewing) {
      if (flying.length > 0 || producer === this.producer) return false;
      partition.adopt(this.producer);
    }
    if (partition.leader < 0 || this.accumulator.port.absent(partition.topic)) {
      this.doubted.add(partition.topic);
      return false;
    }
    if (partition.mutedUntil > now) {
      this.due = Math.min(this.due, partition.mutedUntil);
      return false;
    }
    if (flying.length > 0) {
      // Until the first success the broker would take any number for the first, so a batch that overtakes a refused
      // one would lock it out for ever. A repeated batch goes alone as well. And two brokers keep no common order.
      const alone = !partition.proven || !this.settings.idempotent || flying[0].attempts > 1;
      if (alone || partition.flyingTo !== partition.leader) return false;
    }
    if (queue.length > 0) return queue[0].attempts === 0 || flying.length === 0;
    if (open === null) return false;
    const ripe = open.openedAt + this.settings.linger;
    if (ripe > now) this.due = Math.min(this.due, ripe);
    return ripe <= now;
  }

  /** The next batch of a ready partition, sealed; null when its lease is not certain or nothing is left. */
  #take(partition: ProducePartition, now: number): ProduceBatch | null {
    for (;;) {
      if (partition.queue.length === 0) partition.close();
      let batch: ProduceBatch | undefined = partition.queue[0];
      if (batch === undefined) return null;
      const sent = batch.sealed;
      if (this.#leaseState(batch, now, sent) === "fenced") {
        // One that was sent leaves a hole in the sequence unless it is stored: as one given up after its time does.
        partition.queue[0] = batch = this.#withoutFenced(partition, batch, now);
        if (batch.count === 0) {
          partition.queue.shift();
          this.accumulator.settle(partition, batch, null, -1);
          continue; // nothing else would come back for those behind it
        }
      }
      if (this.#leaseState(batch, now, sent) !== "valid") return this.#hold(partition, now);
      partition.queue.shift();
      if (!batch.sealed && this.producer !== null) {
        const { sequence, order } = partition.number(batch.count);
        batch.seal(partition.producer ?? this.producer, sequence, order, this.settings.compression);
      }
      return batch;
    }
  }

  #leaseState(batch: ProduceBatch, now: number, sent: boolean): "valid" | "expired" | "fenced" {
    return batch.leases.length === 0 ? "valid" : batch.leaseState(now, sent);
  }

  /** Nothing is sent of the partition until its leases are looked at again. */
  #hold(partition: ProducePartition, now: number): null {
    partition.mutedUntil = now + leasePause;
    this.due = Math.min(this.due, partition.mutedUntil);
    return null;
  }

  #withoutFenced(partition: ProducePartition, batch: ProduceBatch, now: number): ProduceBatch {
    const { rest, lost } = batch.withoutFenced(now);
    this.accumulator.divided(batch, [rest], lost.length);
    const { topic, partition: number } = partition;
    for (const [observer, error] of lost) {
      try {
        observer.settled(error, { topic, partition: number, offset: -1 });
      } catch (cause) {
        this.notes.push(`an observer of a delivery threw: ${cause}`);
      }
    }
    return rest;
  }
}

/** The request for these batches. */
export function produceRequest(
  shipments: ReadonlyArray<Shipment>,
  acks: -1 | 1,
  timeoutMs: number,
): Request<"Produce"> {
  const topics = new Map<string, Array<{ readonly partition: number; readonly records: Uint8Array }>>();
  for (const { partition: { topic, partition }, batch: { bytes } } of shipments) {
    if (bytes === null) continue;
    const part = { partition, records: bytes };
    const parts = topics.get(topic);
    if (parts === undefined) topics.set(topic, [part]);
    else parts.push(part);
  }
  const list: Array<PerTopic<{ readonly partition: number; readonly records: Uint8Array }>> = [];
  for (const [name, partitions] of topics) list.push({ name, partitions });
  return { transactionalId: null, acks, timeoutMs, topics: list };
}
