/**
 * What may get stuck in a process on a real Kafka, and how long each step of its recovery, or its end, takes.
 * @module
 */
import { ActorSystem, event, kafka } from "@troupe/troupe";
import { freshName } from "../support/kafka_broker.ts";
import type { Job } from "./job.ts";
import { Watched } from "./watched.ts";

/** Seconds from the trouble to what happened, and what else is to be said. */
export type Figures = Readonly<Record<string, number | string>>;

/** One trial. */
export interface Trial {
  readonly name: string;
  /** What gets stuck, for a reader. */
  readonly what: string;
  readonly run: (brokers: string, defaults?: boolean) => Promise<Figures>;
}

/** A topic of two partitions, its publisher, and a process that reads it. */
class Ground implements AsyncDisposable {
  private constructor(
    readonly publisher: ActorSystem,
    readonly publish: (value: string, ...partitions: ReadonlyArray<number>) => Promise<void>,
    readonly watched: Watched,
  ) {}

  static async start(brokers: string, job: Partial<Job>): Promise<Ground> {
    const topic = freshName("watched");
    const Noted = event({ name: "Noted", topic });
    const publisher = await ActorSystem.start({
      actors: [],
      events: [Noted],
      broker: kafka({ brokers }),
      partitions: 2,
      logLevel: "error",
    });
    await publisher.whenReady(30_000);
    /** Publishes one value to each partition, or to some of them. */
    const publish = async (value: string, ...partitions: ReadonlyArray<number>) => {
      const bytes = new TextEncoder().encode(value);
      for (const partition of partitions.length === 0 ? [0, 1] : partitions) {
        await publisher.publish(Noted, bytes, { partition });
      }
    };
    return new Ground(publisher, publish, new Watched("ours", { brokers, topic, group: freshName("reader"), ...job }));
  }

  /** Waits until it receives from both partitions. */
  async atWork(): Promise<void> {
    await this.publish("first");
    await this.watched.first(/^received first 1 @0/);
    await this.watched.first(/live 200 ready 200/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watched[Symbol.asyncDispose]();
    await this.publisher.stop();
  }
}

const seconds = (from: number, to: number) => Math.round((to - from) / 100) / 10;

function handler(name: string, what: string, kind: "never" | "uninterruptible"): Trial {
  return {
    name,
    what,
    run: async (brokers, defaults) => {
      await using ground = await Ground.start(brokers, { handler: kind, defaults });
      const { watched } = ground;
      await ground.atWork();
      await ground.publish("stuck", 0);
      const { at } = await watched.first(/^received stuck 1/);
      await ground.publish("next");
      const again = await watched.first(/^received stuck 2/);
      const letter = await watched.first(/ letters 1/);
      const next = await watched.first(/^received next 1 @2/);
      const other = await watched.first(/^received next 1 @1/);
      return {
        "received again": seconds(at, again.at),
        "dead letter": seconds(at, letter.at),
        "next of its partition": seconds(at, next.at),
        "next of another": seconds(at, other.at),
        ...unharmed(watched),
      };
    },
  };
}

/** Whether liveness, restarts and renewals stood still. */
function unharmed({ happened }: Watched): Figures {
  const harm = happened.filter(({ what }) => /live 503|restarts [1-9]|renewals [1-9]/.test(what));
  return { harm: harm.map(({ what }) => what).join("; ") || "none" };
}

async function toTheEnd(watched: Watched, at: number): Promise<Figures> {
  const { code, at: ended } = await watched.end();
  const renewed = watched.happened.find(({ what }) => /renewals 1/.test(what));
  const dying = watched.happened.find((one) => one.at > at && /^live 503/.test(one.what));
  const restarted = watched.happened.find(({ what }) => / restarts [1-9]/.test(what));
  const reason = watched.log.find((line) => line.includes("the system ends")) ?? "none";
  return {
    ...restarted === undefined ? {} : { restart: seconds(at, restarted.at) },
    "new consumer": renewed === undefined ? "none" : seconds(at, renewed.at),
    "liveness fails": dying === undefined ? "never" : seconds(at, dying.at),
    end: seconds(at, ended),
    code,
    reason: reason.replace(/^.*the system ends: /, ""),
  };
}

function resources(name: string, what: string, hanging: number): Trial {
  return {
    name,
    what,
    run: async (brokers, defaults) => {
      await using ground = await Ground.start(brokers, { hanging, defaults });
      const { watched } = ground;
      await ground.publish("first");
      const { at } = await watched.first(/^acquiring/);
      if (hanging === Infinity || hanging > 100) return await toTheEnd(watched, at);
      const restarted = await watched.first(/ restarts [1-9]/);
      const received = await watched.first(/^received first/);
      return { restart: seconds(at, restarted.at), recovered: seconds(at, received.at) };
    },
  };
}

function silence(name: string, what: string, job: Partial<Job>): Trial {
  return {
    name,
    what,
    run: async (brokers, defaults) => {
      await using ground = await Ground.start(brokers, { ...job, defaults });
      const { watched } = ground;
      await ground.atWork();
      await watched.arm();
      const at = Date.now();
      await ground.publish("next");
      if (job.heals === false) return await toTheEnd(watched, at);
      const renewed = await watched.first(/renewals 1/);
      await ground.publish("last");
      const received = await watched.first(/^received last/);
      return {
        "accused": seconds(at, renewed.at),
        "receives": seconds(at, received.at),
        liveness: watched.happened.some((one) => one.at > at && one.what.startsWith("live 503")) ? "failed" : "held",
      };
    },
  };
}

/** All of them. */
export const trials: ReadonlyArray<Trial> = [
  handler("handler", "a handler that never returns (a Promise)", "never"),
  handler("uninterruptible", "the same, and ignores its interruption (an Effect)", "uninterruptible"),
  {
    name: "busy",
    what: "a handler that computes for 2 s",
    run: async (brokers, defaults) => {
      const busy = defaults ? 6_000 : 2_000;
      await using ground = await Ground.start(brokers, { handler: "busy", busy, defaults });
      const { watched } = ground;
      await ground.atWork();
      await ground.publish("stuck", 0);
      await ground.publish("next");
      const { at } = await watched.first(/^received stuck 1/);
      const done = await watched.first(/^done stuck/);
      const failing = await watched.first(/^live 503 .* stalls 1/);
      const next = await watched.first(/^received next 1 @2/);
      const well = await watched.first(/^live 200/, failing.at);
      return {
        blocked: seconds(at, done.at),
        "liveness fails, after it": seconds(done.at, failing.at),
        "for": seconds(failing.at, well.at),
        "next of its partition, after it": seconds(done.at, next.at),
        said: watched.log.find((line) => line.includes("the event loop stood still"))?.replace(
          /^.*the event/,
          "the event",
        ) ??
          "nothing",
      };
    },
  },
  resources("resource", "resources of the first incarnations never come", 2),
  resources("resources", "resources never come at all", 1_000),
  silence("deaf", "fetches are answered with nothing; new connections hear", { silent: "Fetch" }),
  silence("deaf for good", "fetches are answered with nothing, on new connections, too", {
    silent: "Fetch",
    heals: false,
  }),
  silence("heartbeats", "heartbeats get no answer; new connections do", { silent: "Heartbeat" }),
  silence("newer heartbeats", "the same by the newer group protocol", {
    silent: "ConsumerGroupHeartbeat",
    groupProtocol: "consumer",
  }),
  silence("heartbeats for good", "heartbeats get no answer, on new connections, neither", {
    silent: "Heartbeat",
    heals: false,
  }),
  silence("commits", "commits get no answer; new connections do", { silent: "OffsetCommit" }),
  {
    name: "frozen",
    what: "the process is frozen (SIGSTOP) for 5 s while its resources are to come",
    run: async (brokers, defaults) => {
      await using ground = await Ground.start(brokers, { hanging: 1_000, defaults });
      const { watched } = ground;
      const { at } = await watched.first(/^acquiring/);
      watched.send("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, defaults ? 130_000 : 5_000));
      watched.send("SIGCONT");
      const thawed = Date.now();
      const restarted = await watched.first(/ restarts [1-9]/);
      return { frozen: seconds(at, thawed), "restart, after it": seconds(thawed, restarted.at) };
    },
  },
];
