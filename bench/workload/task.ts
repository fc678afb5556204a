/**
 * What a benchmark process is told to do, by environment variables, and its one way to answer: a line of JSON.
 * @module
 */
import process from "node:process";

/** What to do. */
export interface Task {
  /** Which workload. */
  readonly workload: string;
  /** Bootstrap addresses, with commas. */
  readonly brokers: string;
  /** The topic to read, or to write where nothing is read. */
  readonly topic: string;
  /** The topic to copy to. */
  readonly outTopic: string;
  /** The consumer group: a new one each time. */
  readonly group: string;
  /** Records. */
  readonly count: number;
  /** Of what is published. */
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  /** "single": a Promise for each record; "batch": many at once. */
  readonly mode: string;
}

const read = (name: string, otherwise: string): string => process.env[name] || otherwise;

/** The task of this process. */
export function taskFromEnvironment(): Task {
  return {
    workload: read("BENCH_WORKLOAD", ""),
    brokers: read("KAFKA_BROKERS", "127.0.0.1:9092"),
    topic: read("BENCH_TOPIC", "bench"),
    outTopic: read("BENCH_OUT_TOPIC", ""),
    group: read("BENCH_GROUP", `bench-${Date.now()}`),
    count: Number(read("BENCH_N", "1000000")),
    compression: read("BENCH_COMPRESSION", "none") as Task["compression"],
    mode: read("BENCH_MODE", "single"),
  };
}
