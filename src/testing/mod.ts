/**
 * Tests without waiting: virtual time, and an embedded Kafka that fails on demand.
 * @module
 */
export { VirtualProcess } from "./virtual_process.ts";
export { type Tasks, type Timer, VirtualTime, type VirtualTimeOptions } from "./virtual_time.ts";
