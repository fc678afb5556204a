/**
 * What a partition remembers of idempotent producers: the epoch and the last five batches of each.
 * Source: KIP-98 ("Duplicate Detection"), KIP-360 (an unknown producer may begin with any sequence).
 * @module
 */
import type { BatchHeader } from "../../../codec/batch_header.ts";
import { ErrorCode } from "../../error_code.ts";

interface Remembered {
  readonly first: number;
  readonly last: number;
  readonly offset: number;
}

interface Producer {
  epoch: number;
  readonly recent: Array<Remembered>;
}

/** What to do with a batch. */
export type Verdict =
  | { readonly _tag: "Append" }
  | { readonly _tag: "Duplicate"; readonly offset: number }
  | { readonly _tag: "Refuse"; readonly errorCode: number };

const remembered = 5;
const sequences = 2 ** 31;
const append: Verdict = { _tag: "Append" };

/** One partition's producers. */
export class ProducerState {
  readonly #producers = new Map<bigint, Producer>();

  /** Whether a batch follows what is known of its producer. Changes nothing. */
  judge(header: BatchHeader): Verdict {
    if (header.producerId < 0n) return append;
    const producer = this.#producers.get(header.producerId);
    if (producer === undefined) return append;
    if (header.producerEpoch < producer.epoch) {
      return { _tag: "Refuse", errorCode: ErrorCode.INVALID_PRODUCER_EPOCH };
    }
    const first = header.baseSequence;
    let next = 0; // a new epoch begins again
    if (header.producerEpoch === producer.epoch) {
      const last = lastSequence(header);
      const before = producer.recent.find((batch) => batch.first === first && batch.last === last);
      if (before !== undefined) return { _tag: "Duplicate", offset: before.offset };
      const newest = producer.recent[producer.recent.length - 1];
      next = (newest.last + 1) % sequences;
    }
    return first === next ? append : { _tag: "Refuse", errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER };
  }

  /** Takes note of a batch that now stands in the log at `offset`. */
  appended(header: BatchHeader, offset: number): void {
    if (header.producerId < 0n) return;
    let producer = this.#producers.get(header.producerId);
    if (producer === undefined) {
      this.#producers.set(header.producerId, producer = { epoch: header.producerEpoch, recent: [] });
    } else if (producer.epoch !== header.producerEpoch) {
      producer.epoch = header.producerEpoch;
      producer.recent.length = 0;
    }
    producer.recent.push({ first: header.baseSequence, last: lastSequence(header), offset });
    if (producer.recent.length > remembered) producer.recent.shift();
  }
}

function lastSequence(header: BatchHeader): number {
  return (header.baseSequence + header.lastOffsetDelta) % sequences;
}
