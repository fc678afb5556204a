/**
 * What this process knows of orders: those it accepted, and those whose outcome it has read.
 * @module
 */
import { Remembered } from "./remembered.ts";

/** Where an order stands. */
export type OrderStatus = "pending" | "reserved" | "rejected";

/** An order as a customer sees it. */
export interface OrderEntry {
  readonly order_id: string;
  readonly status: OrderStatus;
  readonly reason?: string;
}

/** How many orders are known, at least: about 100 bytes each. */
const ordersKept = 200_000;

/** The longest list of {@linkcode OrderBook.newest}. */
export const longestList = 1_000;

/** The orders known to this process. */
export class OrderBook {
  readonly #entries: Remembered<string, OrderEntry>;
  /** Ids in the order in which they became known, the last {@linkcode longestList} of them and a few more. */
  #ids: string[] = [];

  /** Knows the last `remember` orders at least. */
  constructor(remember: number = ordersKept) {
    this.#entries = new Remembered(remember);
  }

  /** An order is under way. What is known of it already stands: the outcome may be read before the acknowledgement. */
  pending(orderId: string): void {
    if (this.#entries.get(orderId) === undefined) this.#add({ order_id: orderId, status: "pending" });
  }

  /** An order that was under way did not arrive. */
  forget(orderId: string): void {
    if (this.#entries.get(orderId)?.status !== "pending") return;
    this.#entries.delete(orderId);
    this.#ids = this.#ids.filter((id) => id !== orderId);
  }

  /** An order's outcome. */
  settle(entry: OrderEntry): void {
    if (this.#entries.get(entry.order_id) === undefined) this.#add(entry);
    else this.#entries.set(entry.order_id, entry);
  }

  /** What is known of an order. */
  get(orderId: string): OrderEntry | undefined {
    return this.#entries.get(orderId);
  }

  /** The last orders that became known, newest first; `limit` at most {@linkcode longestList}. */
  newest(limit: number): ReadonlyArray<Pick<OrderEntry, "order_id" | "status">> {
    const list = [];
    for (let i = this.#ids.length - 1; i >= 0 && list.length < Math.min(limit, longestList); i--) {
      const entry = this.#entries.get(this.#ids[i]);
      if (entry !== undefined) list.push({ order_id: entry.order_id, status: entry.status });
    }
    return list;
  }

  #add(entry: OrderEntry): void {
    this.#entries.set(entry.order_id, entry);
    this.#ids.push(entry.order_id);
    if (this.#ids.length >= 2 * longestList) this.#ids = this.#ids.slice(-longestList);
  }
}
