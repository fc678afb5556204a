/**
 * Takes an order once, however often it is handed in.
 * @module
 */
import type { ActorSystem } from "@troupe/troupe";
import { type Item, OrderCreated } from "./contracts.ts";
import type { OrderBook } from "./order_book.ts";
import { Remembered } from "./remembered.ts";

/** What a customer orders. */
export interface OrderRequest {
  readonly customer: string;
  readonly amount: number;
  readonly order_id?: string | undefined;
  readonly items?: ReadonlyArray<Item> | undefined;
}

/** What belongs to a request beside the order. */
export interface OrderOptions {
  /** Requests with one key are one order. */
  readonly idempotencyKey?: string | undefined;
  /** The W3C trace the order belongs to. */
  readonly traceparent?: string | undefined;
}

/** An order that was handed in. */
export interface Submission {
  readonly orderId: string;
  /** Undefined once the broker has acknowledged it, else why it failed for good. Never rejects. */
  readonly failure: Promise<Error | undefined>;
}

/** How many accepted orders and keys are known for repeats, at least: about 150 bytes each. */
const ordersKept = 200_000;

const accepted: Promise<undefined> = Promise.resolve(undefined);

/** Where orders are handed in. Remembers those it accepted; the ones under way are all known. */
export class OrderDesk {
  readonly #system: Pick<ActorSystem, "publish">;
  readonly #book: OrderBook;
  readonly #underWay = new Map<string, Submission>();
  readonly #accepted: Remembered<string, true>;
  readonly #idByKey: Remembered<string, string>;

  /** Publishes through `system` and notes orders in `book`; `remember` orders and keys at least. */
  constructor(system: Pick<ActorSystem, "publish">, book: OrderBook, remember: number = ordersKept) {
    this.#system = system;
    this.#book = book;
    this.#accepted = new Remembered(remember);
    this.#idByKey = new Remembered(remember);
  }

  /** Publishes the order, unless it was accepted before or is under way: then the answer is that one's. */
  submit(request: OrderRequest, { idempotencyKey, traceparent }: OrderOptions = {}): Submission {
    // A key keeps its order's id even after a failure: "not acknowledged" may still have arrived, and under the same
    // id the inventory gives it units only once.
    const known = idempotencyKey === undefined ? undefined : this.#idByKey.get(idempotencyKey);
    const orderId = known ?? request.order_id ?? crypto.randomUUID();
    if (idempotencyKey !== undefined && known === undefined) this.#idByKey.set(idempotencyKey, orderId);
    if (this.#accepted.get(orderId)) return { orderId, failure: accepted };
    const joined = this.#underWay.get(orderId);
    if (joined !== undefined) return joined;
    const submission = { orderId, failure: this.#publish(orderId, request, traceparent) };
    this.#underWay.set(orderId, submission);
    return submission;
  }

  async #publish(orderId: string, request: OrderRequest, traceparent?: string): Promise<Error | undefined> {
    const { customer, amount, items } = request;
    const timestamp = Math.floor(Date.now() / 1_000);
    const order = { order_id: orderId, customer, amount, timestamp, ...(items && { items }) };
    this.#book.pending(orderId);
    try {
      // The await comes first in any case, so that the submission stands in #underWay before it is taken out.
      await Promise.resolve();
      await this.#system.publish(
        OrderCreated,
        order,
        traceparent === undefined ? undefined : { headers: { traceparent } },
      );
      this.#accepted.set(orderId, true);
      return undefined;
    } catch (error) {
      this.#book.forget(orderId);
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#underWay.delete(orderId);
    }
  }
}
