/**
 * What `deno task bench` measures.
 * @module
 */

/** A client, and how it is used. */
export interface Variant {
  /** As the table calls it. */
  readonly label: string;
  /** What `bench/peer.ts` calls it. */
  readonly client: string;
  /** Records; the clients that are slow have fewer. */
  readonly count: number;
  /** The same for `--quick`. */
  readonly quick: number;
  /** "single" or "batch". */
  readonly mode?: string;
}

/** One comparison. */
export interface Measurement {
  /** Its name in the table and in the JSON. */
  readonly name: string;
  /** What `bench/peer.ts` calls the workload. */
  readonly workload: string;
  /** The topic that is read: filled once. A new one for each run where it is left out. */
  readonly reads?: Preloaded;
  /** Who takes part, in this order. */
  readonly variants: ReadonlyArray<Variant>;
}

/** A topic filled beforehand. */
export interface Preloaded {
  /** Its name begins with this. */
  readonly name: string;
  /** Records. */
  readonly count: number;
  /** The same for `--quick`. */
  readonly quick: number;
  /** Different keys. */
  readonly keys: number;
}

/** The partitions of every topic. */
export const partitions = 8;

const orders: Preloaded = { name: "bench-orders", count: 1_000_000, quick: 300_000, keys: 1_000_000 };
const keyed: Preloaded = { name: "bench-keyed", count: 20_000, quick: 4_000, keys: 1_000 };
const all = { count: orders.count, quick: orders.quick };

/** All comparisons. */
export const measurements: ReadonlyArray<Measurement> = [
  {
    name: "consume bytes",
    workload: "consume-raw",
    reads: orders,
    variants: [
      { label: "troupe", client: "troupe", ...all },
      { label: "kafkajs eachBatch", client: "kafkajs", ...all },
      { label: "@platformatic/kafka", client: "platformatic", ...all },
    ],
  },
  {
    name: "consume JSON, checked by zod",
    workload: "consume-json",
    reads: orders,
    variants: [
      { label: "troupe", client: "troupe", ...all },
      { label: "kafkajs eachBatch", client: "kafkajs", ...all },
      { label: "@platformatic/kafka", client: "platformatic", ...all },
    ],
  },
  {
    name: "a handler of 10 ms, in order by key",
    workload: "slow-10ms",
    reads: keyed,
    variants: [
      { label: "troupe", client: "troupe", count: 20_000, quick: 4_000 },
      { label: "kafkajs eachMessage, by partition", client: "kafkajs", count: 4_000, quick: 1_500 },
      { label: "@platformatic/kafka, by partition", client: "platformatic", count: 4_000, quick: 1_500 },
    ],
  },
  {
    name: "publish one by one",
    workload: "produce",
    variants: [
      { label: "troupe", client: "troupe", count: 300_000, quick: 100_000 },
      { label: "kafkajs", client: "kafkajs", count: 20_000, quick: 6_000 },
      { label: "@platformatic/kafka", client: "platformatic", count: 20_000, quick: 6_000 },
    ].map((variant) => ({ ...variant, mode: "single" })),
  },
  {
    name: "publish by the thousand",
    workload: "produce",
    variants: [
      { label: "troupe", client: "troupe", count: 500_000, quick: 200_000 },
      { label: "kafkajs", client: "kafkajs", count: 500_000, quick: 150_000 },
      { label: "@platformatic/kafka", client: "platformatic", count: 500_000, quick: 150_000 },
    ].map((variant) => ({ ...variant, mode: "batch" })),
  },
  {
    name: "latency at 500 a second",
    workload: "latency",
    variants: [
      { label: "troupe", client: "troupe", count: 5_000, quick: 1_500 },
      { label: "kafkajs", client: "kafkajs", count: 5_000, quick: 1_500 },
      { label: "@platformatic/kafka", client: "platformatic", count: 5_000, quick: 1_500 },
    ],
  },
];
