/**
 * A real single-node Kafka (KRaft) as a child process, for the tests and for `deno task kafka`.
 * @module
 */
import { distribution, NoKafka } from "./distribution.ts";
import { launch, prepare } from "./process.ts";

/** How to start a node. */
export interface KafkaOptions {
  /** The port it listens on at 127.0.0.1; 0 (the default) takes a free one. */
  readonly port?: number;
  /** Partitions of a topic that is created without a number; default 8. */
  readonly partitions?: number;
  /** Where it keeps its log; default a temporary folder that goes away with it. */
  readonly dataDir?: string;
  /** How long it may take to answer, in ms; default 60,000. */
  readonly startTimeout?: number;
  /** More lines for server.properties; a later line wins. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The files of a formatted log directory; default one without users. */
  readonly template?: string;
  /** Ends a start under way. */
  readonly signal?: AbortSignal;
}

/** A node that answers. */
export interface KafkaNode extends AsyncDisposable {
  /** What to give a client: host:port. */
  readonly brokers: string;
  /** The process. */
  readonly pid: number;
  /** Its exit code, when it has ended. */
  readonly ended: Promise<number>;
  /** Asks it to stop and waits; after 20 s it is killed. Temporary files go away. Again: no effect. */
  readonly stop: () => Promise<void>;
  /** Ends it at once, as a crash would; a data folder that was given stays as it is. */
  readonly kill: () => Promise<void>;
}

/** Starts a node and waits until it answers. Throws `NoKafka` when it can't be had or ends before it answers. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaNode> {
  const { classPath, template } = await distribution();
  const temporary = options.dataDir === undefined;
  const folder = options.dataDir ?? await Deno.makeTempDir({ prefix: "troupe-kafka-" });
  const lock = temporary ? null : await lockFolder(folder);
  const port = options.port || freePort();
  const { startTimeout, signal } = options;
  await prepare(folder, options.template ?? template);
  const kafka = await launch({
    classPath,
    folder,
    settings: settings(folder, port, freePort(), options),
    port,
    startTimeout,
    signal,
  });
  const ended = kafka.ended.finally(() => lock?.close());
  const end = async (signal: Deno.Signal) => {
    await kafka.end(signal);
    await ended;
    if (temporary) await Deno.remove(folder, { recursive: true }).catch(() => {});
  };
  try {
    await kafka.up();
  } catch (cause) {
    await end("SIGKILL");
    throw cause;
  }
  return {
    brokers: `127.0.0.1:${port}`,
    pid: kafka.pid,
    ended,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () => end("SIGTERM"),
  };
}

/** Makes a folder this process's own until the file is closed or the process ends: two nodes in one log destroy it. */
async function lockFolder(folder: string): Promise<Deno.FsFile> {
  await Deno.mkdir(folder, { recursive: true });
  const file = await Deno.open(`${folder}/lock`, { create: true, write: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new NoKafka(`another Kafka keeps its log in ${folder}; give this one another folder (DATA_DIR)`);
}

/** The node's configuration: one replica of everything, small internal topics, no waiting where one node needs none. */
function settings(
  folder: string,
  port: number,
  controller: number,
  options: KafkaOptions,
): Readonly<Record<string, string>> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "controller.listener.names": "CONTROLLER",
    "listeners": `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": `${folder}/log`,
    "num.partitions": String(options.partitions ?? 8),
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    // Of the newer group protocol the broker chooses the times; its defaults are 45 s and 5 s.
    "group.consumer.min.session.timeout.ms": "500",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "500",
    // What a topic keeps for a while only goes soon then; what has no such setting stays.
    "log.retention.ms": "-1",
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "controlled.shutdown.enable": "false",
    ...options.settings,
  };
}

/** A port nobody listens on now, of those that systems don't give to outgoing connections: it stays free for a while. */
export function freePort(): number {
  for (let tries = 1;; tries++) {
    try {
      const port = 15_000 + Math.floor(Math.random() * 15_000);
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (cause) {
      if (tries === 100) throw cause;
    }
  }
}
