/**
 * Three real brokers (KRaft, each a controller as well) as child processes: what is stored survives the loss of any one.
 * @module
 */
import { distribution, NoKafka } from "./distribution.ts";
import { freePort } from "./node.ts";
import { type KafkaProcess, launch, prepare } from "./process.ts";

/** How to start a cluster. */
export interface ClusterOptions {
  /** Where they keep their logs; default a temporary folder that goes away with them. */
  readonly dataDir?: string;
  /** Partitions of a topic that is created without a number; default 6. */
  readonly partitions?: number;
  /** The most heap of each, in MiB; default 256. */
  readonly heap?: number;
  /** How long a cluster may take to come up, in ms; default 120,000. */
  readonly startTimeout?: number;
  /** More lines for each server.properties; a later line wins. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A second way to each broker: the port its clients are told to come to (a proxy), by node id 1 to 3. */
  readonly proxied?: (nodeId: number) => number;
  /** Ends a start under way. */
  readonly signal?: AbortSignal;
}

/** One broker of a cluster: it can be ended in several ways, and started again with what it has stored. */
export interface ClusterNode {
  /** 1 to 3. */
  readonly nodeId: number;
  /** Its listener for clients. */
  readonly port: number;
  /** Its listener whose clients are told to come to the proxy. */
  readonly proxiedPort: number;
  /** Its process; another one after each start. */
  readonly pid: number;
  /** Whether a process is there, frozen or not. */
  readonly running: boolean;
  /** SIGTERM: it hands its partitions over first. Waits for the end. */
  readonly stop: () => Promise<void>;
  /** SIGKILL. Waits for the end. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: it takes connections and bytes but does nothing. */
  readonly freeze: () => void;
  /** SIGCONT. */
  readonly thaw: () => void;
  /** Starts it again after its end and waits until it answers. */
  readonly start: () => Promise<void>;
}

/** Brokers that answer. */
export interface KafkaCluster extends AsyncDisposable {
  /** What to give a client: host:port, with commas between. */
  readonly brokers: string;
  /** The same by the proxied listeners. */
  readonly proxied: string;
  /** The brokers, in the order of their ids. */
  readonly nodes: ReadonlyArray<ClusterNode>;
  /** Ends them all: at once where the folder is temporary. */
  readonly stop: () => Promise<void>;
}

const ids = [1, 2, 3];

/** Starts three brokers and waits until all answer. Throws `NoKafka` when that can't be had. */
export async function startCluster(options: ClusterOptions = {}): Promise<KafkaCluster> {
  const { classPath, template } = await distribution();
  const temporary = options.dataDir === undefined;
  const folder = options.dataDir ?? await Deno.makeTempDir({ prefix: "troupe-cluster-" });
  const ports = ids.map((nodeId) => ({ nodeId, direct: freePort(), proxied: freePort(), controller: freePort() }));
  const voters = ports.map(({ nodeId, controller }) => `${nodeId}@127.0.0.1:${controller}`).join(",");
  const processes = new Map<number, KafkaProcess>();

  const begin = async (port: typeof ports[number]) => {
    const own = `${folder}/${port.nodeId}`;
    await prepare(own, template, port.nodeId);
    const kafka = await launch({
      classPath,
      folder: own,
      heap: [64, options.heap ?? 256],
      settings: settings(own, voters, port, options),
      port: port.direct,
      startTimeout: options.startTimeout ?? 120_000,
      signal: options.signal,
    });
    processes.set(port.nodeId, kafka);
    kafka.ended.then(() => {
      if (processes.get(port.nodeId) === kafka) processes.delete(port.nodeId);
    });
    return kafka;
  };

  const stop = async () => {
    const running = [...processes.values()];
    // A frozen process ends by SIGKILL alone, and nobody will read what a temporary folder holds.
    if (!temporary) { for (const kafka of running) kafka.send("SIGCONT"); }
    await Promise.all(running.map((kafka) => kafka.end(temporary ? "SIGKILL" : "SIGTERM")));
    if (temporary) await Deno.remove(folder, { recursive: true }).catch(() => {});
  };

  try {
    const started = await Promise.all(ports.map(begin));
    await Promise.all(started.map((kafka) => kafka.up()));
  } catch (cause) {
    await stop();
    throw cause;
  }

  const nodes = ports.map((port): ClusterNode => {
    const end = async (signal: Deno.Signal) => await processes.get(port.nodeId)?.end(signal);
    return {
      nodeId: port.nodeId,
      port: port.direct,
      proxiedPort: port.proxied,
      get pid() {
        return processes.get(port.nodeId)?.pid ?? -1;
      },
      get running() {
        return processes.has(port.nodeId);
      },
      stop: () => end("SIGTERM"),
      kill: () => end("SIGKILL"),
      freeze: () => processes.get(port.nodeId)?.send("SIGSTOP"),
      thaw: () => processes.get(port.nodeId)?.send("SIGCONT"),
      start: async () => {
        if (processes.has(port.nodeId)) throw new NoKafka(`broker ${port.nodeId} runs already`);
        await (await begin(port)).up();
      },
    };
  });
  return {
    brokers: ports.map(({ direct }) => `127.0.0.1:${direct}`).join(","),
    proxied: ids.map((nodeId, i) => `127.0.0.1:${options.proxied?.(nodeId) ?? ports[i].proxied}`).join(","),
    nodes,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A broker's configuration: three replicas of everything, of which two must have what counts as stored. */
function settings(
  folder: string,
  voters: string,
  port: {
    readonly nodeId: number;
    readonly direct: number;
    readonly proxied: number;
    readonly controller: number;
  },
  options: ClusterOptions,
): Readonly<Record<string, string>> {
  const { nodeId, direct, proxied, controller } = port;
  const told = options.proxied?.(nodeId) ?? proxied;
  return {
    "process.roles": "broker,controller",
    "node.id": String(nodeId),
    "controller.quorum.voters": voters,
    "controller.listener.names": "CONTROLLER",
    "listeners": `PLAINTEXT://127.0.0.1:${direct},PROXIED://127.0.0.1:${proxied},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${direct},PROXIED://127.0.0.1:${told}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": `${folder}/log`,
    "num.partitions": String(options.partitions ?? 6),
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "offsets.topic.num.partitions": "6",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    // Leaders move when a test moves them.
    "auto.leader.rebalance.enable": "false",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "num.replica.fetchers": "1",
    "background.threads": "2",
    ...options.settings,
  };
}
