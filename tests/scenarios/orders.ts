/**
 * Orders, and records that are none, as other clients write them.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Message } from "kafkajs";

/** When they were all placed, in seconds since 1970. */
export const timestamp = 1_700_000_000;

/** A record with an order of one unit. */
export function order(order_id: string, customer: string = "Ada"): Message {
  return { key: order_id, value: JSON.stringify({ order_id, customer, amount: 5, timestamp }) };
}

/** So many records that nobody can read, in turn of each kind; the header `n` tells them from orders. */
export function poison(count: number): Message[] {
  const kinds: ReadonlyArray<Pick<Message, "value" | "headers">> = [
    { value: "{ no JSON" },
    { value: JSON.stringify({ order_id: 5, customer: "Ada", amount: "five", timestamp }) },
    { value: null },
    { value: order("o").value, headers: { type: "OrderEaten" } },
    { value: Buffer.of(0, 255, 128, 10, 13) },
  ];
  return Array.from({ length: count }, (_, i) => {
    const { value, headers } = kinds[i % kinds.length];
    return { key: i % 10 === 9 ? null : `poison-${i}`, value, headers: { n: String(i), ...headers } };
  });
}

/** Both, the second evenly among the first. */
export function mixed(good: ReadonlyArray<Message>, bad: ReadonlyArray<Message>): Message[] {
  const every = Math.ceil(good.length / bad.length);
  return good.flatMap((message, i) => i % every === 0 ? [message, ...bad.slice(i / every, i / every + 1)] : [message]);
}
