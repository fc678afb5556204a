/**
 * Two workers share a topic; one of them is frozen for longer than its session, or its event loop is blocked, and wakes
 * up. What it then did with what is another's by now is counted from the logs, the commits, and what both have begun.
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import { produce, readTopic } from "../scenarios/topic.ts";
import { until } from "../scenarios/within.ts";
import { freshName } from "../support/kafka_broker.ts";
import { Commits } from "./commits.ts";
import { type Echo, echoTopic, type Job } from "./job.ts";
import { count, type Late, type Round, type Written } from "./count.ts";
import { type Client, Worker } from "./worker.ts";

/** What is run. */
export interface Scenario {
  readonly client: Client;
  readonly groupProtocol: Job["groupProtocol"];
  /** SIGSTOP to the process, or a handler that blocks its event loop. */
  readonly how: "frozen" | "blocked";
  /** How often. */
  readonly rounds: number;
}

/** What came of it. */
export interface Report {
  readonly scenario: Scenario;
  readonly late: Late;
  /** Commits that went back. */
  readonly commitsBack: number;
  /** Records that either worker has begun. */
  readonly begun: number;
}

const partitions = 4;
/** Milliseconds: the lease's session, and how long a worker is away. The brokers' own is twice as long at most. */
const sessionTimeout = 3_000;
const away = 9_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs it on a Kafka whose sessions are 6 seconds at most. */
export async function run(brokers: string, scenario: Scenario): Promise<Report> {
  const topic = freshName("leases");
  const group = freshName("leases");
  const { client, groupProtocol, how, rounds } = scenario;
  await fill(brokers, topic, 12_000 + rounds * 12_000);
  const job = (name: string): Job => ({ name, brokers, topic, group, groupProtocol, sessionTimeout, block: away });
  await using one = new Worker(client, job("one"));
  await using two = new Worker(client, job("two"));
  await using commits = await Commits.watch(brokers, group, topic);
  await Promise.all([one.ready(), two.ready()]);
  const done: Round[] = [];
  for (let at = 0; at < rounds; at++) {
    const [late, other] = at % 2 === 0 ? [one, two] : [two, one];
    done.push(await round(how, late, other));
  }
  await Promise.all([one.end(), two.end()]);
  const begun = new Map([one, two].map(({ job, begun }) => [job.name, begun]));
  return {
    scenario,
    late: count(done, await written(brokers, echoTopic(topic)), await written(brokers, `${topic}.dlt`), begun),
    commitsBack: commits.back,
    begun: one.begun.length + two.begun.length,
  };
}

/** What stands on a topic of echoes, or of dead letters: these say in the error who wrote them, those of stock kafkajs too. */
async function written(brokers: string, topic: string): Promise<ReadonlyArray<Written>> {
  const records = await readTopic(brokers, topic);
  return records.toSorted((a, b) => a.offset - b.offset).map(({ value, headers }) =>
    JSON.parse(headers["dlt-error"] ?? value) as Echo
  );
}

/** One worker is away for a while; ends when it is back at work. */
async function round(how: Scenario["how"], late: Worker, other: Worker): Promise<Round> {
  // Both are at work on partitions of their own, for at least as long as a commit takes.
  await until(
    () => [late, other].map(({ begun }) => holds(begun)),
    ([a, b]) => a.size > 0 && b.size > 0,
    "both at work",
  );
  await sleep(1_500);
  const held = holds(late.begun);
  const grant = late.begun[late.begun.length - 1].grant;
  const from = Date.now();
  if (how === "frozen") late.send("SIGSTOP");
  else {
    late.blockedAt = late.awakeAt = 0;
    late.send("SIGUSR2");
    await until(() => late.blockedAt, (at) => at > 0, "it is blocked");
  }
  const taken = () => holds(other.begun);
  await until(taken, (now) => [...held].every((partition) => now.has(partition)), "the other has taken over");
  if (how === "frozen") {
    await sleep(Math.max(0, from + away - Date.now()));
    late.send("SIGCONT");
  } else await until(() => late.awakeAt, (at) => at > 0, "it is awake");
  const to = how === "frozen" ? Date.now() : late.awakeAt;
  await until(() => late.begun.at(-1)?.grant ?? 0, (now) => now !== grant, "it is back at work");
  return { worker: late.job.name, grant, from, to };
}

/** The partitions a worker was at work on within the last second. */
function holds(begun: Worker["begun"]): ReadonlySet<number> {
  const since = Date.now() - 1_000;
  const found = new Set<number>();
  for (let i = begun.length - 1; i >= 0 && begun[i].at >= since; i--) found.add(begun[i].partition);
  return found;
}

async function fill(brokers: string, topic: string, records: number): Promise<void> {
  const admin = new Kafka({ clientId: "leases", brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topics = [topic, echoTopic(topic), `${topic}.dlt`].map((topic) => ({ topic, numPartitions: partitions }));
  try {
    await admin.createTopics({ topics, waitForLeaders: false });
    const names = topics.map(({ topic }) => topic);
    // A broker may not have heard of them yet, which kafkajs' own wait takes for a failure.
    const led = () => admin.fetchTopicMetadata({ topics: names }).then(({ topics }) => topics, () => []);
    const all = (found: Awaited<ReturnType<typeof led>>) =>
      found.length === names.length && found.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
    await until(led, all, "the topics have leaders");
  } finally {
    await admin.disconnect();
  }
  const messages = Array.from(
    { length: records },
    (_, i) => ({ key: `k-${i % 400}`, partition: i % partitions, value: `${i}` }),
  );
  await produce(brokers, topic, messages);
}
