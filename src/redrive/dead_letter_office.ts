/**
 * Looking at dead letters and sending them back, as Effects.
 * @module
 */
import { Clock, Effect, type Scope } from "effect";
import { z } from "zod";
import { GroupAdmin } from "../admin/group_admin.ts";
import { GroupCoordinator } from "../admin/group_coordinator.ts";
import { OffsetAdmin } from "../admin/offset_admin.ts";
import { persist } from "../admin/persistence.ts";
import type { AdminError } from "../admin/refusals.ts";
import { presentTopics } from "../admin/topic_metadata.ts";
import type { Broker } from "../broker.ts";
import { makeCluster } from "../client/cluster/cluster.ts";
import { makeFetcher } from "../client/fetch/fetcher.ts";
import { makeOffsets } from "../client/offsets/offsets.ts";
import type { Cluster, Offsets } from "../client/port.ts";
import { makeSender } from "../client/produce/sender.ts";
import { type SenderOptions, senderSchema, type SenderSettings } from "../client/produce/sender_options.ts";
import { type DeadLetter, readDeadLetter } from "../dead_letter/read_letter.ts";
import { ConfigError, type TopicError } from "../errors.ts";
import { monotonicMs } from "../fiber/monotonic.ts";
import { count, milliseconds, parseOptions } from "../options.ts";
import { AwaitedKeys } from "./awaited_keys.ts";
import { filterShape, type LetterFilter, letterFilter } from "./letter_filter.ts";
import { LetterReader } from "./letter_reader.ts";
import type { RedriveError, RedriveRun } from "./partition_redrive.ts";
import { RedriveMarks } from "./redrive_marks.ts";
import { makeRedriveMembership } from "./redrive_membership.ts";
import { RedrivePace } from "./redrive_pace.ts";
import { redrivePasses } from "./redrive_passes.ts";
import { type LetterPlace, letterPlaces } from "./redrive_positions.ts";
import { RedriveCount, type RedriveReport } from "./redrive_report.ts";

/** How to look after dead letters. */
export interface DeadLetterOfficeOptions {
  /** How long a call goes on trying without getting anywhere, in milliseconds. Default 30,000. */
  readonly timeout?: number;
  /**
   * The consumer group that remembers which letters of a topic were redriven. Default `<dead-letter topic>.redrive`.
   */
  readonly group?: (topic: string) => string;
  /** How records are published, as in a system's options of this name. A larger `batchBytes` takes larger records. */
  readonly producer?: Pick<SenderOptions, "batchBytes" | "compression">;
}

/** Which letters to show. */
export interface ListOptions extends LetterFilter {
  /** How many, at most. Default 100. */
  readonly limit?: number;
}

/** Which letters to send back, and how. */
export interface RedriveOptions extends LetterFilter {
  /** True counts what would be sent, and sends nothing. Default false. */
  readonly dryRun?: boolean;
  /** Letters a second, at most. Default: as fast as the brokers take them. */
  readonly rate?: number;
  /** How many letters to send, at most; the rest is not looked at. Default: all. */
  readonly limit?: number;
  /** Letters that were redriven so often are left: sending them again has not helped. Default 3. */
  readonly maxRedrives?: number;
  /**
   * For actors with `quarantine`. True goes on until the keys of which letters were sent are free: what their actors sent
   * after these meanwhile is redriven as well. Ends without that when nothing has come of it for the office's `timeout`, or
   * a message has failed again; the report's `unfinished` says so. Default false.
   */
  readonly untilFree?: boolean;
  /**
   * For actors with `quarantine`. True sends the letters that are meant although an earlier one of their key stays (it is
   * not meant, was redriven too often) or is lost: that one is given up, or comes later. Default false: they stay behind it.
   */
  readonly release?: boolean;
}

/** The calls of `DeadLetters`, as Effects: each is described there. */
export interface DeadLetterOffice {
  readonly list: (topic: string, options?: ListOptions) => Effect.Effect<ReadonlyArray<DeadLetter>, AdminError>;
  readonly redrive: (topic: string, options?: RedriveOptions) => Effect.Effect<RedriveReport, RedriveError>;
}

const optionsSchema = z.strictObject({
  timeout: milliseconds().default(30_000),
  group: z.custom<(topic: string) => string>((f) => typeof f === "function", "expected a function")
    .default(() => (topic: string) => `${topic}.redrive`),
  producer: z.strictObject({ batchBytes: z.unknown(), compression: z.unknown() }).partial().default({}),
});
const listSchema = z.strictObject({ ...filterShape, limit: count("letters").default(100) });
const redriveSchema = z.strictObject({
  ...filterShape,
  dryRun: z.boolean("expected true or false").default(false),
  rate: z.number("expected letters a second").positive("expected more than 0 letters a second").optional(),
  limit: count("letters").optional(),
  maxRedrives: count("redrives").default(3),
  untilFree: z.boolean("expected true or false").default(false),
  release: z.boolean("expected true or false").default(false),
});

// Milliseconds between two lines about a redrive that is under way.
const TELL = 10_000;

/** Connects to a Kafka until the scope ends. Fails where no broker answers within the time-out. */
export const makeDeadLetterOffice: (
  broker: Broker,
  options?: DeadLetterOfficeOptions,
) => Effect.Effect<DeadLetterOffice, AdminError, Scope.Scope> = Effect.fnUntraced(function* (broker, options = {}) {
  const { timeout, group, producer } = yield* checked(optionsSchema, options, "");
  if (broker?.kind !== "broker") {
    return yield* Effect.fail(new ConfigError("broker", "expected kafka({ brokers }) or embedded()"));
  }
  const scope = yield* Effect.scope;
  const cluster = yield* makeCluster(yield* broker.open);
  yield* persist(() => cluster.refresh([]), timeout, `connecting to ${broker.name}`);
  // What stands behind the first open transaction is not read: the end of a reading is before it.
  const offsets = yield* makeOffsets(cluster, { isolationLevel: 1 });
  const logs = new OffsetAdmin(cluster, offsets, timeout);
  const groups = new GroupAdmin(new GroupCoordinator(cluster, scope), logs, timeout);
  const desk = new Desk(
    cluster,
    offsets,
    logs,
    groups,
    timeout,
    group,
    yield* checked(senderSchema, { ...producer, ...sending(timeout) }, "producer"),
  );
  return {
    list: (topic, options = {}) =>
      Effect.flatMap(checked(listSchema, options, "options"), ({ limit }) => desk.list(topic, options, limit)),
    redrive: (topic, options = {}) =>
      Effect.flatMap(checked(redriveSchema, options, "options"), (given) => desk.redrive(topic, given)),
  };
});

type Redrive = z.output<typeof redriveSchema>;

class Desk {
  constructor(
    readonly cluster: Cluster,
    readonly offsets: Offsets,
    readonly logs: OffsetAdmin,
    readonly groups: GroupAdmin,
    readonly timeout: number,
    readonly group: (topic: string) => string,
    readonly producer: SenderSettings,
  ) {}

  list(topic: string, filter: LetterFilter, limit: number): Effect.Effect<ReadonlyArray<DeadLetter>, AdminError> {
    const read = Effect.gen({ self: this }, function* () {
      const meant = letterFilter(filter);
      const found: DeadLetter[] = [];
      const fetcher = yield* makeFetcher(this.cluster);
      for (const place of yield* this.#places(topic)) {
        const marks = new RedriveMarks(place.from, place.redriven);
        const reader = new LetterReader(fetcher, place, this.timeout);
        while (found.length < limit) {
          const record = yield* reader.next;
          if (record === null) break;
          const letter = marks.redriven(record.offset) ? null : readDeadLetter(record);
          if (letter !== null && meant(letter)) found.push(copyOf(letter));
        }
        reader.close();
      }
      return found;
    });
    return Effect.scoped(read);
  }

  redrive(topic: string, options: Redrive): Effect.Effect<RedriveReport, RedriveError> {
    const { dryRun, rate, maxRedrives, release, limit: budget = Infinity } = options;
    const awaited = options.untilFree && !dryRun ? new AwaitedKeys() : null;
    const redrive = Effect.gen({ self: this }, function* () {
      const clock = yield* Clock.Clock;
      const found = yield* persist(() => presentTopics(this.cluster, [topic]), this.timeout, `topic ${topic}`);
      const lettersCount = found[0].partitions.length;
      const total = new RedriveCount();
      const run: RedriveRun = {
        count: total,
        pace: new RedrivePace(clock, rate),
        clock,
        meant: letterFilter(options),
        maxRedrives,
        timeout: this.timeout,
        lettersCount,
        partitionsOf: this.#counts(),
        progress: progress(clock, topic, total),
        returned: (letter) => awaited?.add(letter),
        stayed: (letter) => awaited?.drop(letter),
        release,
        budget,
      };
      const { offsets, logs } = this;
      const passes = { fetcher: yield* makeFetcher(this.cluster), offsets, logs, run, awaited };
      if (dryRun) {
        yield* redrivePasses({ ...passes, outletOf: () => null }, topic, yield* this.#places(topic));
      } else {
        const groupId = this.group(topic);
        const member = yield* makeRedriveMembership(
          this.cluster,
          this.groups,
          groupId,
          topic,
          lettersCount,
          this.timeout,
        );
        const sender = yield* makeSender(this.cluster, this.producer);
        const { membership } = member;
        const outletOf = ({ origin, partition }: LetterPlace) => ({
          sender,
          offsets,
          membership,
          lease: member.lease(partition),
          origin,
        });
        const all = Effect.gen({ self: this }, function* () {
          // Only now: nobody else commits for the group any more.
          yield* redrivePasses({ ...passes, outletOf }, topic, yield* this.#places(topic));
        });
        yield* Effect.ensuring(Effect.raceFirst(all, member.over), member.done);
      }
      const report = total.report(topic, dryRun);
      yield* Effect.logInfo(lineOf(report));
      return report;
    });
    return Effect.scoped(redrive);
  }

  #places(topic: string): Effect.Effect<ReadonlyArray<LetterPlace>, AdminError> {
    return letterPlaces(this.cluster, this.offsets, this.logs, this.group(topic), topic, this.timeout);
  }

  /** Partitions of the topics that letters go back to; asked once for each. */
  #counts(): RedriveRun["partitionsOf"] {
    const known = new Map<string, number | TopicError>();
    return (topic) => {
      const count = known.get(topic);
      if (count !== undefined) return Effect.succeed(count);
      return persist(() => presentTopics(this.cluster, [topic]), this.timeout, `topic ${topic}`).pipe(
        Effect.map(([{ partitions }]): number | TopicError => partitions.length),
        Effect.catchTag("TopicError", (error) => Effect.succeed(error)),
        Effect.tap((count) => Effect.sync(() => known.set(topic, count))),
      );
    };
  }
}

/** Letters go out at once, and one that is not acknowledged in time ends the redrive. */
function sending(timeout: number): SenderOptions {
  return { linger: 0, deliveryTimeout: timeout, requestTimeout: Math.min(30_000, timeout) };
}

/** Says now and then how far it is. */
function progress(clock: Clock.Clock, topic: string, count: RedriveCount): RedriveRun["progress"] {
  let told = monotonicMs(clock);
  return () =>
    Effect.suspend(() => {
      const now = monotonicMs(clock);
      if (now - told < TELL) return Effect.void;
      told = now;
      return Effect.logInfo(`redriving ${topic}: ${count.redriven} of ${count.read} letters went back so far`);
    });
}

function lineOf({ topic, dryRun, read, redriven, skipped, left, unfinished }: RedriveReport): string {
  const went = dryRun ? "would go back" : "went back";
  const rest = unfinished.length === 0 ? "" : `; not finished: ${unfinished.join("; ")}`;
  return `${topic}: ${redriven} of ${read} letters ${went}, ${skipped} were not meant, ${left} had to be left${rest}`;
}

/** Bytes that may be kept. */
function copyOf(letter: DeadLetter): DeadLetter {
  const { key, value, headers } = letter;
  return {
    ...letter,
    key: key && key.slice(),
    value: value && value.slice(),
    headers: headers.map(([name, bytes]) => [name, bytes && bytes.slice()] as const),
  };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, name: string): Effect.Effect<T, ConfigError> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(parseOptions(schema, value, name));
    } catch (error) {
      if (error instanceof ConfigError) return Effect.fail(error);
      throw error;
    }
  });
}
