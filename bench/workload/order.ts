/**
 * The record that all benchmarks send and read: an order, 200 bytes of JSON, with its number as the key.
 * @module
 */
import { z } from "zod";

/** What an order is. */
export const Order = z.object({
  order_id: z.string().min(1),
  customer: z.string().min(1),
  amount: z.number().positive(),
  timestamp: z.int().positive(),
  seq: z.int().nonnegative(),
  note: z.string(),
});
/** An order. */
export type Order = z.infer<typeof Order>;

/** An order as it travels. */
export interface OrderRecord {
  /** The order's number. */
  readonly key: string;
  /** Its JSON. */
  readonly value: Uint8Array;
}

const text = new TextEncoder();
const bytes = 200;
const customers = 99_991;

/** The record of order `id`; `seq` counts the records of one key. */
export function orderRecord(id: number, seq: number): OrderRecord {
  const key = `o-${String(id).padStart(7, "0")}`;
  const fields = {
    order_id: key,
    customer: `c-${String(id % customers).padStart(5, "0")}`,
    amount: 1.25 + id % 5_000,
    timestamp: 1_700_000_000_000 + id,
    seq,
    note: "",
  };
  const rest = bytes - JSON.stringify(fields).length;
  return { key, value: text.encode(JSON.stringify({ ...fields, note: "x".repeat(rest) })) };
}

/** Which order a key belongs to. */
export function orderId(key: string): number {
  return Number(key.slice(2));
}

/** Records made before the clock runs; a benchmark sends them again and again. */
export function orderPool(size: number = 10_000): ReadonlyArray<OrderRecord> {
  return Array.from({ length: size }, (_, id) => orderRecord(id, 0));
}
