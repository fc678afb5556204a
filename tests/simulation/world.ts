/**
 * One schedule: processes on one Kafka, what the script lets happen to them, and an observer that looks after every step.
 * @module
 */
import "./no_async_context.ts";
import { Effect } from "effect";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { Connection } from "../../src/link/link.ts";
import type { ApiName } from "../../src/link/protocol.ts";
import type { GroupProtocol } from "../../src/runtime/settings.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { MemberProcess } from "./member_process.ts";
import { Observer } from "./observer.ts";
import { CALM, draw, type Happening, type Script } from "./script.ts";
import { GROUP, LETTERS, NOTES, PARTITIONS, recordOf, RESULTS, SESSION_TIMEOUT, type Task, TASKS } from "./workload.ts";

/** What became of a schedule. */
export interface Report {
  readonly seed: number;
  readonly violations: ReadonlyArray<string>;
  readonly trace: ReadonlyArray<string>;
  /** Virtual milliseconds. */
  readonly elapsed: number;
  /** Decisions of the scheduler. */
  readonly steps: number;
}

// Virtual milliseconds after which whatever is left to do will never be done.
const PATIENCE = 120_000;
// The longest time-outs of a process's requests, in milliseconds.
const LONGEST_TIMEOUT = 11_000;
const SHORT_TIMEOUT = 1_500;
const SHORT: ReadonlyArray<ApiName> = [
  "Produce",
  "Fetch",
  "ListOffsets",
  "InitProducerId",
  "Metadata",
  "FindCoordinator",
];
const encoder = new TextEncoder();

/** Runs one schedule; `traced` writes down what happens; the group protocol is the script's unless it is said. */
export function simulate(seed: number, traced: boolean = false, groupProtocol: GroupProtocol | null = null): Report {
  return new World(seed, traced, groupProtocol).run();
}

class World {
  readonly #time: VirtualTime;
  readonly #kafka = new EmbeddedKafka({
    partitions: PARTITIONS,
    sessionTimeout: SESSION_TIMEOUT,
    heartbeatInterval: 500,
    assignmentInterval: 200,
  });
  readonly #observer: Observer;
  readonly #script: Script;
  readonly #processes: MemberProcess[] = [];
  readonly #unwritten: Task[] = [];
  #connection: Connection | null = null;
  #brokerIsUp = true;
  #names = 0;
  #wakeWriter: () => void = () => {};
  #steps = 0;
  #lookUntil = 0;
  #echo = 0;
  #restsIn = -1;
  #restsSince = 0;

  constructor(readonly seed: number, traced: boolean, groupProtocol: GroupProtocol | null) {
    this.#time = new VirtualTime(seed);
    const script = draw(() => this.#time.random());
    const habits = groupProtocol === null ? script.habits : { ...script.habits, groupProtocol };
    this.#script = { ...script, habits };
    this.#observer = new Observer(this.#kafka, () => this.#time.now, this.#script.habits, traced);
    this.#kafka.intercept = ({ api, connection }) => {
      const process = this.#processes.find(({ link }) => link.has(connection));
      const fault = process === undefined || this.#time.now >= CALM ? null : this.#script.fault(api);
      if (api === "Produce" || api === "OffsetCommit") {
        this.#lookUntil = Math.max(this.#lookUntil, this.#time.now + (fault?._tag === "Delay" ? fault.ms : 0));
      }
      // What it makes wait for its time-out holds up its process for so long, whatever the others do.
      if (fault?._tag === "Never") {
        const timeout = SHORT.includes(api) ? SHORT_TIMEOUT : LONGEST_TIMEOUT;
        this.#echo = Math.max(this.#echo, this.#time.now + timeout);
      }
      if (process !== undefined) this.#observer.note(`${api} of ${process.name} on ${connection} ${tell(fault)}`);
      return fault;
    };
  }

  run(): Report {
    try {
      this.#turmoil();
      this.#calm();
      this.#end();
    } catch (error) {
      if (!(error instanceof Hopeless)) throw error;
      this.#observer.violation(error.message);
    }
    const { violations, trace } = this.#observer;
    return { seed: this.seed, violations, trace, elapsed: this.#time.now, steps: this.#steps };
  }

  /** Everything the script lets happen, and then time to recover. */
  #turmoil(): void {
    this.#time.process().fork(this.#writer);
    this.#until(() => this.#connection !== null, "the topics are there");
    for (const { at, what } of this.#script.happenings) {
      this.#time.arm({ at: this.#time.now + at, fire: () => this.#happens(what) });
    }
    this.#time.arm({ at: CALM + 1, fire: () => {} });
    this.#until(() => this.#time.now > CALM, "the turmoil is over");
    if (!this.#brokerIsUp) this.#happens({ _tag: "BrokerStarts" });
    while (this.#processes.filter(({ state }) => state === "running").length < 2) this.#start();
    this.#until(
      () => this.#observer.unfinished().length === 0 && this.#settled,
      "everything is resolved and committed",
    );
  }

  /** Processes come and go in good order: nothing is received twice. */
  #calm(): void {
    const { calm } = this.#script;
    this.#observer.calm = true;
    const before = new Map([...this.#observer.tasks.values()].map(({ task, calls }) => [task.id, calls.length]));
    const third = Math.ceil(calm.length / 3);
    this.#write(calm.slice(0, third));
    this.#pass(this.#time.random() * 300);
    this.#start();
    this.#write(calm.slice(third, 2 * third));
    this.#pass(this.#time.random() * 800);
    this.#write(calm.slice(2 * third));
    this.#pass(this.#time.random() * 50);
    const [leaver] = this.#running;
    leaver.stop();
    const done = () => this.#settled && leaver.state === "ended" && this.#observer.unfinished().length === 0;
    this.#until(done, "the hand-over is done");
    for (const { task, calls, letters } of this.#observer.tasks.values()) {
      const more = calls.length - (before.get(task.id) ?? 0);
      const most = before.has(task.id) ? 0 : 1;
      if (more > most) {
        this.#observer.violation(`task ${task.id} (${task.behaviour}) is received ${more} times in the calm`);
      }
      if (!before.has(task.id) && letters > 1) {
        this.#observer.violation(`task ${task.id} became ${letters} dead letters in the calm`);
      }
    }
  }

  /** All stop: nothing is left. */
  #end(): void {
    for (const process of this.#processes) process.stop();
    this.#until(() => this.#running.length === 0, "all have ended");
    while (this.#time.runOne()) this.#look();
    for (const process of this.#processes) {
      for (const left of process.leftovers()) this.#observer.violation(left);
    }
    const { members } = this.#kafka.group(GROUP) ?? { members: [] };
    if (members.length > 0) this.#observer.violation(`${members.length} members are left in the group`);
    this.#observer.lookBack();
  }

  get #running(): ReadonlyArray<MemberProcess> {
    return this.#processes.filter(({ state }) => state !== "ended");
  }

  /**
   * Whether the group is at rest, for longer than a member that has died is counted in, and has no other members than the
   * processes that run.
   */
  get #settled(): boolean {
    const group = this.#kafka.group(GROUP);
    const rests = this.#unwritten.length === 0 && group?.state === "Stable" &&
      group.members.length === this.#running.length;
    if (!rests || group.generation !== this.#restsIn) this.#restsSince = this.#time.now;
    this.#restsIn = group?.generation ?? -1;
    const since = Math.max(this.#restsSince, this.#echo);
    return rests && this.#time.now - since > SESSION_TIMEOUT;
  }

  #happens(what: Happening["what"]): void {
    switch (what._tag) {
      case "Start":
        if (this.#running.length < 3) this.#start();
        return;
      case "Crash":
        return this.#any()?.crash();
      case "Stop":
        return this.#any()?.stop();
      case "BrokerStops":
        this.#observer.note("the broker stops");
        this.#brokerIsUp = false;
        return this.#kafka.stop();
      case "BrokerStarts":
        this.#observer.note("the broker starts");
        this.#brokerIsUp = true;
        this.#kafka.start();
        return this.#wakeWriter();
      case "Write":
        return this.#write(what.tasks);
    }
  }

  #any(): MemberProcess | undefined {
    const running = this.#running;
    return running[Math.floor(this.#time.random() * running.length)];
  }

  #start(): void {
    const name = `p${++this.#names}`;
    this.#observer.note(`${name} starts`);
    this.#processes.push(new MemberProcess(name, this.#time, this.#kafka, this.#observer));
  }

  #write(tasks: ReadonlyArray<Task>): void {
    this.#unwritten.push(...tasks);
    this.#wakeWriter();
  }

  #pass(ms: number): void {
    const end = this.#time.now + ms;
    this.#time.arm({ at: Math.ceil(end), fire: () => {} });
    this.#until(() => this.#time.now >= end, "time passes");
  }

  /** Steps on until `done`, which must come. */
  #until(done: () => boolean, what: string): void {
    const limit = this.#time.now + PATIENCE;
    while (!done()) {
      if (!this.#time.step()) throw new Hopeless(`nothing will ever happen again, but not: ${what}`);
      this.#look();
      if (this.#time.now > limit) {
        throw new Hopeless(`${PATIENCE} ms later still not: ${what}; ${this.#observer.unfinished().join(", ")}`);
      }
    }
  }

  /** Only Produce and OffsetCommit change what the observer looks at. */
  #look(): void {
    this.#steps++;
    if (this.#time.now > this.#lookUntil) return;
    this.#observer.look();
  }

  readonly #moreToWrite: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.#wakeWriter = () => {
      this.#wakeWriter = () => {};
      // By way of the scheduler: the seed orders it among the others.
      resume(Effect.yieldNow);
    };
  });

  /** Creates the topics, then writes what is to be written, past all faults. */
  readonly #writer: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const link = yield* this.#kafka.open;
    const reconnect = Effect.retry(link.connect(link.bootstrap[0], "produce"), {
      while: () => Effect.as(Effect.sleep(10), true),
    });
    let connection = this.#connection = yield* reconnect;
    const topics = [TASKS, RESULTS, LETTERS, NOTES].map((name) => ({
      name,
      numPartitions: PARTITIONS,
      replicationFactor: -1,
      configs: {},
    }));
    yield* connection.call("CreateTopics", { timeoutMs: 1_000, validateOnly: false, topics });
    for (;;) {
      const task = this.#unwritten[0];
      if (task === undefined || !this.#brokerIsUp) {
        yield* this.#moreToWrite;
        continue;
      }
      if (!connection.isOpen()) connection = yield* reconnect;
      const { type, value } = recordOf(task);
      const batch = new BatchEncoder(this.#time.now);
      batch.add(task.key, value, [["type", encoder.encode(type)]], this.#time.now);
      const records = batch.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" });
      const topic = { name: TASKS, partitions: [{ partition: task.partition, records }] };
      this.#unwritten.shift();
      // Known before it can be read. A broker that stops at this very time has stored it: it does so at once.
      this.#observer.written(task);
      yield* Effect.ignore(
        connection.call("Produce", { transactionalId: null, acks: -1, timeoutMs: 1_000, topics: [topic] }),
      );
    }
  }).pipe(Effect.scoped, Effect.orDie);
}

/** A schedule that does not come to its end. */
class Hopeless extends Error {}

function tell(fault: object | null): string {
  return fault === null ? "" : JSON.stringify(fault);
}
