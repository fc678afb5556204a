/**
 * A fault, and the run of the job through it.
 * @module
 */
import { until } from "../scenarios/within.ts";
import { freshName } from "../support/kafka_broker.ts";
import type { Job } from "./job.ts";
import { readLog, type Stored } from "./log.ts";
import { partitions, type Site } from "./site.ts";
import { type Client, Worker } from "./worker.ts";

/** A fault that the job has to live through. */
export interface Fault {
  /** Its name in `--only`. */
  readonly name: string;
  /** What happens, for the table. */
  readonly what: string;
  /** Consumers in the group; default 1. */
  readonly consumers?: number;
  /** Records a second; default 400. */
  readonly rate?: number;
  /** Bytes of each record; default 100. */
  readonly size?: number;
  /** Configuration of the topic. */
  readonly configs?: Readonly<Record<string, string>>;
  /** Makes it happen, and ends it: what stands still afterwards is the client's. Answers what is to be noted. */
  readonly strike: (run: Run) => Promise<string | void>;
}

/** The job under way. */
export class Run {
  /** What the group had committed when a member was taken out of it, by partition: what lies before is not to be repeated. */
  committed: ReadonlyArray<number> = [];

  constructor(
    readonly site: Site,
    readonly client: Client,
    readonly topic: string,
    readonly group: string,
    readonly publisher: Worker,
    readonly consumers: ReadonlyArray<Worker>,
  ) {}

  /** Waits until so many more records are acknowledged. */
  async acknowledged(more: number): Promise<void> {
    const { publisher } = this;
    const before = publisher.acknowledged;
    await until(() => publisher.acknowledged - before, (count) => count >= more, `${more} more acknowledged records`);
  }

  /** Notes what is committed now, a member having just been killed or frozen. */
  async noteCommitted(): Promise<void> {
    this.committed = await this.site.committed(this.group, this.topic);
  }

  /** How many were handled so far. */
  handled(): number {
    return this.consumers.reduce((sum, { handled }) => sum + handled.length, 0);
  }
}

/** A line of the table. */
export interface Row {
  readonly fault: string;
  readonly what: string;
  readonly client: Client;
  /** Records that stand on the log, each counted once. */
  readonly records: number;
  /** Acknowledged, but not on the log. */
  readonly lost: number;
  /** On the log, but never handled. */
  readonly unhandled: number;
  /** Copies on the log beyond the first. */
  readonly duplicated: number;
  /** Records of a key on the log before one that was handed over earlier. */
  readonly misplaced: number;
  /** Handled again. */
  readonly handledTwice: number;
  /** Those of them that lay before what was committed when a member was taken out. */
  readonly beyondCommit: number;
  /** Publishes that were given up. */
  readonly failed: number;
  /** Publishes of which nothing had been heard a minute after the last. */
  readonly open: number;
  /** The longest time from a publish to its acknowledgement, in ms. */
  readonly slowestPublish: number;
  /** The longest time in which a partition handled nothing although something was published to it, in ms. */
  readonly longestGap: number;
  /** From the fault's begin to its end, in ms. */
  readonly lasted: number;
  readonly note: string;
}

/** How long after the fault the consumers may take to handle what stands on the log, in ms. */
const patience = 60_000;

/** Runs the job through a fault and counts. */
export async function suffer(site: Site, fault: Fault, client: Client): Promise<Row> {
  const topic = await site.topic(fault.configs);
  const group = freshName("group");
  const job: Omit<Job, "role"> = {
    brokers: site.cluster.proxied,
    topic,
    group,
    groupProtocol: client === "ours, newer group protocol" ? "consumer" : "classic",
    rate: fault.rate ?? 400,
    size: fault.size ?? 100,
  };
  const workers: Array<Worker> = [];
  const work = (role: Job["role"]) => {
    const worker = new Worker(client, { ...job, role });
    workers.push(worker);
    return worker.ready();
  };
  try {
    const consumers = await Promise.all(Array.from({ length: fault.consumers ?? 1 }, () => work("consume")));
    const publisher = await work("publish");
    const run = new Run(site, client, topic, group, publisher, consumers);
    await run.acknowledged(2 * job.rate);
    await until(() => run.handled(), (count) => count >= job.rate, "the first records are handled");
    // By the newer group protocol a member waits some seconds for its first partition.
    await until(
      () => consumers.every(({ handled }) => handled.length > 0),
      (all) => all,
      "each member has handled some",
    );
    const struckAt = Date.now();
    const note = await fault.strike(run);
    const lasted = Date.now() - struckAt;
    // Who does not go on within 90 s has that in its row.
    const stuck = await run.acknowledged(2 * job.rate).then(() => "", () => "publishing did not go on within 90 s");
    await publisher.end();
    await site.inSync(topic);
    const log = await readLog(site.cluster.brokers, topic);
    const ids = new Set(log.map(({ value }) => idOf(value)));
    const seen = () => new Set(consumers.flatMap(({ handled }) => handled.map(({ id }) => id)));
    const deadline = Date.now() + patience;
    while (seen().size < ids.size && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all(consumers.map((consumer) => consumer.end()));
    if (Deno.env.get("FAULTS_COMPLAINTS")) console.error(workers.flatMap(({ complaints }) => complaints).join("\n"));
    return {
      ...row(fault, run, log, struckAt),
      lasted,
      note: [note ?? "", stuck].filter((text) => text !== "").join("; "),
    };
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}

function row(
  fault: Fault,
  { client, publisher, consumers, committed }: Run,
  log: ReadonlyArray<Stored>,
  struckAt: number,
): Omit<Row, "lasted" | "note"> {
  const { published } = publisher;
  if (published === null) throw new Error(`the publisher did not say how it went: ${publisher.complaints.join("\n")}`);
  const times = new Map<number, number>();
  const last = new Map<string, number>();
  let misplaced = 0;
  for (const { key, value } of log) {
    const id = idOf(value);
    const copies = times.get(id) ?? 0;
    times.set(id, copies + 1);
    if (copies > 0) continue;
    if (id < (last.get(key) ?? -1)) misplaced++;
    last.set(key, Math.max(id, last.get(key) ?? -1));
  }
  const acknowledged = published.acknowledged.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i)
  );
  const handled = consumers.flatMap(({ handled }) => handled).sort((a, b) => a.at - b.at);
  const seen = new Set<number>();
  let beyondCommit = 0;
  for (const { id, partition, offset } of handled) {
    if (seen.has(id) && offset < (committed[partition] ?? 0)) beyondCommit++;
    seen.add(id);
  }
  const lastAt = new Array<number>(partitions).fill(0);
  let longestGap = 0;
  for (const { partition, at } of handled) {
    if (lastAt[partition] > 0 && at > struckAt) longestGap = Math.max(longestGap, at - lastAt[partition]);
    lastAt[partition] = at;
  }
  return {
    fault: fault.name,
    what: fault.what,
    client,
    records: times.size,
    lost: acknowledged.filter((id) => !times.has(id)).length,
    unhandled: [...times.keys()].filter((id) => !seen.has(id)).length,
    duplicated: log.length - times.size,
    misplaced,
    handledTwice: handled.length - seen.size,
    beyondCommit,
    failed: Object.values(published.failed).reduce((sum, count) => sum + count, 0),
    open: published.open,
    slowestPublish: published.slowest,
    longestGap,
  };
}

function idOf(value: string): number {
  return JSON.parse(value).id;
}
