/**
 * Making, growing, describing and deleting topics.
 * @module
 */
import { Effect } from "effect";
import { askController } from "../client/cluster/controller.ts";
import type { Cluster } from "../client/port.ts";
import { ErrorCode } from "../link/error_code.ts";
import type { Request, TopicMetadata } from "../link/protocol.ts";
import { NotYet, persist } from "./persistence.ts";
import { type AdminError, isPassing, topicError } from "./refusals.ts";
import { allGone, allLed, currentTopics, presentTopics } from "./topic_metadata.ts";

/** A topic to be created. */
export interface NewTopic {
  /** Its name. */
  readonly name: string;
  /** How many partitions. Default: the brokers' own (`num.partitions`). */
  readonly partitions?: number;
  /** How many replicas of each. Default: the brokers' own (`default.replication.factor`). */
  readonly replicationFactor?: number;
  /** Kafka's topic configs, such as `{ "retention.ms": 60_000 }`. Default: the brokers' own. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>;
}

/** What to do where a topic is there already. */
export interface CreateTopicsOptions {
  /** "fail" (the default) is an error, and none is created; "keep" takes it as it is, whatever it looks like. */
  readonly existing?: "fail" | "keep";
}

/** A topic that is there now. */
export interface CreatedTopic {
  readonly name: string;
  /** False where it was there before. */
  readonly created: boolean;
  /** How many partitions it has, each with a leader. */
  readonly partitions: number;
}

/** A partition as the brokers know it. */
export interface PartitionDescription {
  readonly partition: number;
  /** The broker that leads it, or null while none does. */
  readonly leader: number | null;
  /** The brokers that keep it. */
  readonly replicas: ReadonlyArray<number>;
  /** Those of them that are in sync. */
  readonly isr: ReadonlyArray<number>;
}

/** A topic as the brokers know it. */
export interface TopicDescription {
  readonly name: string;
  /** 32 hex digits; another one after it was deleted and created again. */
  readonly id: string;
  /** In the order of their numbers. */
  readonly partitions: ReadonlyArray<PartitionDescription>;
  /** Configs that are set, on the topic or for all of a broker's; what is Kafka's own default is not here. */
  readonly configs: Readonly<Record<string, string>>;
}

/** Milliseconds a controller may take to carry a request out before it answers. */
const CARRY_OUT = 15_000;
/** Milliseconds for the answer to arrive after that. */
const TRANSIT = 5_000;

/** Asks about topics; each call ends within `timeout` milliseconds. */
export class TopicAdmin {
  /** Uses the cluster's connections. */
  constructor(readonly cluster: Cluster, readonly timeout: number) {}

  /** See `Admin.createTopics`. */
  create(
    topics: ReadonlyArray<NewTopic>,
    { existing = "fail" }: CreateTopicsOptions = {},
  ): Effect.Effect<ReadonlyArray<CreatedTopic>, AdminError> {
    return Effect.suspend(() => {
      const there = new Set<string>();
      let sent = false;
      let done = false;
      const create = Effect.fnUntraced({ self: this }, function* () {
        const again = sent;
        if (!again) {
          there.clear();
          for (const { name, errorCode } of (yield* currentTopics(this.cluster, topics.map(nameOf))).values()) {
            if (errorCode !== ErrorCode.NONE) continue;
            if (existing === "fail") return yield* Effect.fail(topicError(name, ErrorCode.TOPIC_ALREADY_EXISTS));
            there.add(name);
          }
        }
        const missing = topics.filter(({ name }) => !there.has(name));
        // Kafka creates the good ones where others are wrong: so they are all looked at first.
        if (missing.length > 1 && !again) yield* this.#request(missing, true, false);
        sent = true;
        // After a lost answer one may be there by our own doing.
        yield* this.#request(missing, false, again || existing === "keep");
        done = true;
      });
      const led = new Map<string, number>();
      const attempt = Effect.fnUntraced({ self: this }, function* () {
        if (!done) yield* create();
        for (const { name, partitions = 1 } of topics) led.set(name, there.has(name) ? 1 : partitions);
        const known = yield* allLed(this.cluster, led);
        return topics.map(({ name }) => ({
          name,
          created: !there.has(name),
          partitions: known.get(name)?.partitions.length ?? 0,
        }));
      });
      return persist(attempt, this.timeout, "creating topics");
    });
  }

  /** See `Admin.growTopic`. */
  grow(name: string, partitions: number): Effect.Effect<void, AdminError> {
    return Effect.suspend(() => {
      let grown = false;
      const grow = Effect.fnUntraced({ self: this }, function* () {
        const [topic] = yield* presentTopics(this.cluster, [name]);
        const present = topic.partitions.length;
        if (present > partitions) {
          const words = `it has ${present} partitions, ${partitions} were asked for`;
          return yield* Effect.fail(topicError(name, ErrorCode.INVALID_PARTITIONS, words));
        }
        if (present === partitions) return;
        const request = { timeoutMs: CARRY_OUT, validateOnly: false, topics: [{ name, count: partitions }] };
        const answer = yield* askController(this.cluster, "CreatePartitions", request, CARRY_OUT + TRANSIT);
        for (const { name, errorCode, errorMessage } of answer.topics) yield* accepted(name, errorCode, errorMessage);
      });
      const attempt = Effect.fnUntraced({ self: this }, function* () {
        if (!grown) yield* grow();
        grown = true;
        yield* allLed(this.cluster, new Map([[name, partitions]]));
      });
      return persist(attempt, this.timeout, `growing ${name}`);
    });
  }

  /** See `Admin.deleteTopics`. */
  delete(names: ReadonlyArray<string>): Effect.Effect<void, AdminError> {
    return Effect.suspend(() => {
      let sent = false;
      let deleted = false;
      const remove = Effect.fnUntraced({ self: this }, function* () {
        const again = sent;
        sent = true;
        const request = { timeoutMs: CARRY_OUT, topics: [...new Set(names)] };
        const { topics } = yield* askController(this.cluster, "DeleteTopics", request, CARRY_OUT + TRANSIT);
        for (const { name, errorCode } of topics) {
          // After a lost answer it may be gone by our own doing.
          if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && again) continue;
          yield* accepted(name, errorCode, null);
        }
      });
      const attempt = Effect.fnUntraced({ self: this }, function* () {
        if (!deleted) yield* remove();
        deleted = true;
        yield* allGone(this.cluster, names);
      });
      return persist(attempt, this.timeout, `deleting ${names.join(", ")}`);
    });
  }

  /** See `Admin.describeTopics`. */
  describe(names?: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<TopicDescription>, AdminError> {
    const attempt = Effect.fnUntraced({ self: this }, function* () {
      const topics = names === undefined
        ? [...(yield* currentTopics(this.cluster, null)).values()].filter(({ name }) => !internal.has(name))
        : yield* presentTopics(this.cluster, names);
      const configs = yield* this.#configs(topics.map(nameOf), names === undefined);
      return topics.flatMap((topic) => {
        const set = configs.get(topic.name);
        return set === undefined ? [] : [describe(topic, set)];
      });
    });
    return persist(attempt, this.timeout, "describing topics");
  }

  readonly #request = Effect.fnUntraced(
    function* (this: TopicAdmin, topics: ReadonlyArray<NewTopic>, validateOnly: boolean, mayBeThere: boolean) {
      if (topics.length === 0) return;
      const request: Request<"CreateTopics"> = { timeoutMs: CARRY_OUT, validateOnly, topics: topics.map(wanted) };
      const answer = yield* askController(this.cluster, "CreateTopics", request, CARRY_OUT + TRANSIT);
      for (const { name, errorCode, errorMessage } of answer.topics) {
        if (errorCode === ErrorCode.TOPIC_ALREADY_EXISTS && mayBeThere) continue;
        yield* accepted(name, errorCode, errorMessage);
      }
    },
  );

  /** What is set, by topic. Whoever asked for all there are does not miss one that was deleted meanwhile. */
  readonly #configs = Effect.fnUntraced(function* (this: TopicAdmin, names: ReadonlyArray<string>, mayBeGone: boolean) {
    const found = new Map<string, Readonly<Record<string, string>>>();
    if (names.length === 0) return found;
    const connection = yield* this.cluster.anyConnection("admin");
    const resources = names.map((name) => ({ type: 2 as const, name, keys: null }));
    const call = connection.call("DescribeConfigs", { resources }, CARRY_OUT);
    const answer = yield* Effect.onInterrupt(call, () => connection.close);
    for (const { name, errorCode, errorMessage, configs } of answer.resources) {
      if (mayBeGone && errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) continue;
      yield* accepted(name, errorCode, errorMessage);
      const set = configs.flatMap(({ name, value, isDefault }) => isDefault || value === null ? [] : [[name, value]]);
      found.set(name, Object.fromEntries(set));
    }
    return found;
  });
}

/** Kafka's own topics, which nobody asks for who asks for all. */
const internal: ReadonlySet<string> = new Set(["__consumer_offsets", "__transaction_state", "__share_group_state"]);

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function wanted({ name, partitions = -1, replicationFactor = -1, configs = {} }: NewTopic) {
  const texts = Object.entries(configs).map(([key, value]) => [key, String(value)] as const);
  return { name, numPartitions: partitions, replicationFactor, configs: Object.fromEntries(texts) };
}

/** Fails where a topic was refused: for good, or only for now. */
function accepted(name: string, errorCode: number, words: string | null): Effect.Effect<void, AdminError | NotYet> {
  if (errorCode === ErrorCode.NONE) return Effect.void;
  const error = topicError(name, errorCode, words);
  return Effect.fail(isPassing(errorCode) ? new NotYet(error) : error);
}

function describe({ name, topicId, partitions }: TopicMetadata, configs: Readonly<Record<string, string>>) {
  return {
    name,
    id: topicId,
    partitions: partitions.map(({ partition, leader, replicas, isr }) => ({
      partition,
      leader: leader < 0 ? null : leader,
      replicas,
      isr,
    })).sort((a, b) => a.partition - b.partition),
    configs,
  };
}
