/**
 * The benchmarks of Troupe by workload.
 * @module
 */
import type { Task } from "../workload/task.ts";
import { consumeBytes, consumeJson } from "./consume.ts";
import { copy } from "./copy.ts";
import { latency } from "./latency.ts";
import { produce } from "./produce.ts";
import { slow } from "./slow.ts";

/** By workload. */
export const troupe: Readonly<Record<string, (task: Task) => Promise<void>>> = {
  "consume-raw": consumeBytes,
  "consume-warm": consumeBytes,
  "consume-json": consumeJson,
  "slow-10ms": slow,
  "produce": produce,
  "produce-lz4": produce,
  "latency": latency,
  "copy-alo": copy,
};
