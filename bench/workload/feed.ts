/**
 * Feeds a publisher with orders: one by one with many unanswered, or in batches.
 * @module
 */
import { orderPool, type OrderRecord } from "./order.ts";

/** How many single records may be unanswered. */
const unanswered = 5_000;
/** Records of a batch. */
const batchSize = 1_000;
/** Gives `count` orders to `send` one by one; ends when all are answered. */
export async function feedSingles(count: number, send: (record: OrderRecord) => Promise<unknown>): Promise<void> {
  const pool = orderPool();
  let at = 0;
  await Promise.all(Array.from({ length: unanswered }, async () => {
    while (at < count) await send(pool[at++ % pool.length]);
  }));
}

/** The same in batches of 1,000, so many of them unanswered. */
export async function feedBatches(
  count: number,
  batchesAtOnce: number,
  send: (records: ReadonlyArray<OrderRecord>) => Promise<unknown>,
): Promise<void> {
  const pool = orderPool();
  let at = 0;
  await Promise.all(Array.from({ length: batchesAtOnce }, async () => {
    while (at < count) {
      const from = at % pool.length;
      const size = Math.min(batchSize, count - at);
      at += size;
      await send(pool.slice(from, from + size));
    }
  }));
}
