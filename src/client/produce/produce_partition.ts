/**
 * One partition as the sender sees it: its open batch, what waits, and what is in flight.
 * @module
 */
import type { ProduceBatch, ProducerIdentity } from "./produce_batch.ts";

/** Sequence numbers are 32-bit and begin at 0 again. */
const sequences = 2 ** 31;

/** A partition to publish to. */
export class ProducePartition {
  /** Its leader's node id, or -1. */
  leader = -1;
  /** Takes records in. */
  open: ProduceBatch | null = null;
  /** Closed batches: first those to be repeated, by their order, then those never sent. */
  readonly queue: Array<ProduceBatch> = [];
  /** Sent and not answered, by their order. */
  readonly flying: Array<ProduceBatch> = [];
  /** The broker they were sent to. */
  flyingTo = -1;
  /** Its producer id. */
  producer: ProducerIdentity | null = null;
  /** True once the broker has stored a batch of this producer id. */
  proven = false;
  /** Its topic is no more: nothing is sent to it, and what waits goes elsewhere. */
  retired = false;
  /** The sequence has a hole: a new producer id is needed. */
  renewing = false;
  /** Nothing is sent before, in monotonic milliseconds. */
  mutedUntil = 0;
  /** When its topic was last known not to exist any more, in monotonic milliseconds. */
  awayAt = -Infinity;
  /** Refusals in a row. */
  failures = 0;
  /** What the broker answered last, unless it stored a batch; for messages. */
  refusal = "";
  /** Bytes that its next batch allocates at once. */
  expected = 1024;
  #sequence = 0;
  #order = 0;

  /** Has nothing to do yet. */
  constructor(readonly topic: string, readonly partition: number) {}

  /** Whether there is nothing to do. */
  idle(): boolean {
    return this.open === null && this.queue.length === 0 && this.flying.length === 0;
  }

  /** The open batch takes no more. */
  close(): void {
    if (this.open === null) return;
    // A little more than the last ones were: to grow a batch means to copy it into one of twice the size.
    this.expected = Math.max(1024, Math.ceil(this.open.size * 1.125), this.expected >> 1);
    this.queue.push(this.open);
    this.open = null;
  }

  /** The next sequence number and order for a batch of `count` records. */
  number(count: number): { readonly sequence: number; readonly order: number } {
    const sequence = this.#sequence;
    this.#sequence = (sequence + count) % sequences;
    return { sequence, order: this.#order++ };
  }

  /** The batch that was numbered last was not sent after all: its numbers are the next one's. */
  unnumber(batch: ProduceBatch): void {
    this.#sequence = batch.sequence;
    this.#order = batch.order;
    batch.unseal();
  }

  /** The batch comes back from a failed or refused send, to its place: behind those to be repeated that come before. */
  giveBack(batch: ProduceBatch): void {
    const { queue } = this;
    let at = 0;
    while (at < queue.length && queue[at].sealed && (!batch.sealed || queue[at].order < batch.order)) at++;
    queue.splice(at, 0, batch);
  }

  /** Puts these in the place of the sealed batch they were made from, with its sequence numbers. */
  replace(whole: ProduceBatch, parts: ReadonlyArray<ProduceBatch>, seal: (part: ProduceBatch) => void): void {
    let sequence = whole.sequence;
    parts.forEach((part, i) => {
      part.sequence = sequence;
      part.span = whole.span / parts.length;
      part.order = whole.order + i * part.span;
      seal(part);
      sequence = (sequence + part.count) % sequences;
      this.giveBack(part);
    });
  }

  /** Whether nothing that was sent before this batch is still to be settled. */
  isHead(batch: ProduceBatch): boolean {
    const before = (other: ProduceBatch) => other !== batch && other.order >= 0 && other.order < batch.order;
    return !this.flying.some(before) && !this.queue.some(before);
  }

  /** Goes over to a producer id, or to the next one: what waits is as if never sent. Only while nothing is in flight. */
  adopt(producer: ProducerIdentity): void {
    this.producer = producer;
    this.renewing = false;
    this.proven = false;
    this.#sequence = 0;
    for (const batch of this.queue) if (batch.sealed) batch.unseal();
  }
}
