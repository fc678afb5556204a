/**
 * The inventory's decision, apart from all messaging: what is there, and which order gets it.
 * @module
 */
import type { Item, Order, Rejected, Reserved } from "./contracts.ts";
import { Remembered } from "./remembered.ts";

/** The answer to an order. */
export type Answer =
  | { readonly type: "reserved"; readonly message: Reserved }
  | { readonly type: "rejected"; readonly message: Rejected };

/** What is known of a sku. */
export interface StockLevel {
  readonly sku: string;
  readonly available: number;
  readonly reserved: number;
}

/** An order that names no items: one unit of the sku `default`. */
const plainOrder: ReadonlyArray<Item> = [{ sku: "default", quantity: 1 }];

/** How many answers are kept for repeats, at least: about 150 bytes each. An older order is taken for a new one. */
const answersKept = 1_000_000;

interface Shelf {
  available: number;
  reserved: number;
}

/** The units of this process, from its start on. */
export class Stock {
  readonly #shelves: ReadonlyMap<string, Shelf>;
  readonly #answers: Remembered<string, Answer>;
  readonly #now: () => number;

  /** `units` by sku; `now` in milliseconds since 1970; `remember` answers at least. */
  constructor(units: ReadonlyMap<string, number>, now: () => number = Date.now, remember: number = answersKept) {
    this.#shelves = new Map(Array.from(units, ([sku, available]) => [sku, { available, reserved: 0 }]));
    this.#answers = new Remembered(remember);
    this.#now = now;
  }

  /** What is known of `sku`; undefined for one that is not kept here. */
  level(sku: string): StockLevel | undefined {
    const shelf = this.#shelves.get(sku);
    return shelf && { sku, ...shelf };
  }

  /** Puts all items of the order aside, or none. An order answered before gets the same answer and no more units. */
  reserve(order: Order): Answer {
    const before = this.#answers.get(order.order_id);
    if (before !== undefined) return before;
    const answer = this.#decide(order);
    this.#answers.set(order.order_id, answer);
    return answer;
  }

  #decide({ order_id, items = plainOrder }: Order): Answer {
    const timestamp = Math.floor(this.#now() / 1_000);
    const wanted = new Map<string, number>();
    for (const { sku, quantity } of items) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity);
    const reason = this.#objection(wanted);
    if (reason !== undefined) return { type: "rejected", message: { order_id, reason, timestamp } };
    for (const [sku, quantity] of wanted) {
      const shelf = this.#shelves.get(sku)!; // there: there was no objection
      shelf.available -= quantity;
      shelf.reserved += quantity;
    }
    return { type: "reserved", message: { order_id, items, timestamp } };
  }

  #objection(wanted: ReadonlyMap<string, number>): string | undefined {
    let short = false;
    for (const [sku, quantity] of wanted) {
      const shelf = this.#shelves.get(sku);
      if (shelf === undefined) return "unknown-sku";
      short ||= shelf.available < quantity;
    }
    return short ? "insufficient-stock" : undefined;
  }
}
