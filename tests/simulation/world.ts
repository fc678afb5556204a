/**
 * One schedule: processes on one Kafka, what the script lets happen to them, and an observer that looks after every step.
 * @module
 */
import "./no_async_context.ts";
import type { ApiName } from "../../src/link/protocol.ts";
import type { GroupProtocol } from "../../src/runtime/settings.ts";
import type { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { RequestFaults } from "../../src/testing/simulation/request_faults.ts";
import { seededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { brokerOf, fileOf } from "./broker.ts";
import { MemberProcess } from "./member_process.ts";
import { Observer } from "./observer.ts";
import { type Piece, piecesOf, withOnly } from "./pieces.ts";
import { CALM, draw, type Happening, type Script } from "./script.ts";
import { GROUP, SESSION_TIMEOUT } from "./workload.ts";
import { Writer } from "./writer.ts";

/** How a schedule is run. */
export interface SimulateOptions {
  /** Whether what happens is written down. */
  readonly traced?: boolean;
  /** Instead of the one the seed draws. */
  readonly groupProtocol?: GroupProtocol | null;
  /** By their numbers in the whole schedule, the pieces that are kept; all others are left out. */
  readonly keep?: ReadonlyArray<number>;
}

/** What became of a schedule. */
export interface Report {
  readonly seed: number;
  readonly violations: ReadonlyArray<string>;
  readonly trace: ReadonlyArray<string>;
  /** What was to happen; null where it was cut short by something that was thrown. */
  readonly script: Script | null;
  /** What it consisted of. */
  readonly pieces: ReadonlyArray<Piece>;
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
/** As many processes run at once. */
const MOST_PROCESSES = 3;
/** The names of static members. */
const SEATS = ["a", "b", "c", "d", "e"];
// As long as members need to hear of whatever has happened in their group: more than a heartbeat's interval.
const REST = 700;

/** Runs one schedule. */
export function simulate(seed: number, { traced = false, groupProtocol = null, keep }: SimulateOptions = {}): Report {
  const drawn = draw(seededRandom(seed ^ 0x5eed));
  const script = groupProtocol === null ? drawn : { ...drawn, habits: { ...drawn.habits, groupProtocol } };
  const whole = (traced: boolean) => run(seed, script, new RequestFaults(script.fault, []), traced);
  if (keep === undefined) return whole(traced);
  const { pieces } = whole(false);
  return simulateOnly(
    seed,
    script,
    keep.map((number) => pieces[number]).filter((piece) => piece !== undefined),
    traced,
  );
}

/** Runs what is left of a schedule when it has these pieces alone. */
export function simulateOnly(seed: number, script: Script, pieces: ReadonlyArray<Piece>, traced: boolean): Report {
  const left = withOnly(script, pieces);
  return run(seed, left.script, new RequestFaults(null, left.faults), traced);
}

function run(seed: number, script: Script, faults: RequestFaults, traced: boolean): Report {
  // Where errors come from is looked up for each of thousands, and nobody reads it. It would differ between machines, too.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new World(seed, script, faults, traced).run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

class World {
  readonly #time: VirtualTime;
  #kafka: EmbeddedKafka;
  readonly #file: string | null;
  readonly #observer: Observer;
  readonly #processes: MemberProcess[] = [];
  readonly #owners = new Map<number, MemberProcess | null>();
  readonly #writer: Writer;
  /** How many processes there were when the broker died. */
  #buried = 0;
  #brokerIsUp = true;
  #names = 0;
  #steps = 0;
  #applied = false;
  #lookUntil = -1;
  /** By process, until when what it waits for may hold it up. */
  readonly #echoes = new Map<MemberProcess, number>();
  /** By the name of a static member, from when on it can be had again. */
  readonly #vacantFrom = new Map<string, number>();
  /** Until when a member that has died may be counted in. */
  #mourning = 0;
  #restsIn = -1;
  #restsSince = 0;

  /** What happens comes from the script, and only the turns of fibers from the seed. */
  constructor(
    readonly seed: number,
    readonly script: Script,
    readonly faults: RequestFaults,
    traced: boolean,
  ) {
    this.#time = new VirtualTime(seed);
    this.#file = script.happenings.some(({ what }) => what._tag === "PowerCut") ? fileOf(seed) : null;
    this.#kafka = brokerOf(this.#file);
    this.#kafka.intercept = this.#intercept;
    this.#observer = new Observer(this.#kafka, () => this.#time.now, script.habits, traced);
    this.#writer = new Writer(this.#time, this.#observer);
  }

  readonly #intercept: EmbeddedKafka["intercept"] = ({ api, connection }) => {
    let process = this.#owners.get(connection);
    if (process === undefined) {
      // A new broker begins to count anew: those of before have no connections to it.
      process = this.#processes.slice(this.#buried).find(({ link }) => link.has(connection)) ?? null;
      this.#owners.set(connection, process);
    }
    const { now } = this.#time;
    const fault = process === null || now >= CALM ? null : this.faults.next(process.name, api);
    if (api === "Produce" || api === "OffsetCommit") {
      this.#applied = true;
      if (fault?._tag === "Delay") this.#lookUntil = Math.max(this.#lookUntil, now + fault.ms);
    }
    if (process === null) return null;
    // What it makes wait for its time-out holds up its process for so long, whatever the others do.
    if (fault?._tag === "Never") {
      const timeout = SHORT.includes(api) ? SHORT_TIMEOUT : LONGEST_TIMEOUT;
      this.#echoes.set(process, Math.max(this.#echoes.get(process) ?? 0, now + timeout));
    }
    if (this.#observer.traced) this.#observer.note(`${api} of ${process.name} on ${connection} ${tell(fault)}`);
    return fault;
  };

  run(): Report {
    try {
      this.#turmoil();
      this.#calm();
      this.#end();
    } catch (error) {
      if (!(error instanceof Hopeless)) throw error;
      this.#observer.violation(error.message);
    }
    this.#kafka.kill();
    if (this.#file !== null) Deno.removeSync(this.#file);
    const { violations, trace } = this.#observer;
    const pieces = piecesOf(this.script, this.faults.happened);
    return {
      seed: this.seed,
      violations,
      trace,
      script: this.script,
      pieces,
      elapsed: this.#time.now,
      steps: this.#steps,
    };
  }

  /** Everything the script lets happen, and then time to recover. */
  #turmoil(): void {
    this.#writer.start(this.#kafka);
    this.#until(() => this.#writer.ready, "the topics are there");
    for (const { at, what } of this.script.happenings) {
      this.#time.arm({ at: this.#time.now + at, fire: () => this.#happens(what) });
    }
    this.#time.arm({ at: CALM + 1, fire: () => {} });
    this.#until(() => this.#time.now > CALM, "the turmoil is over");
    if (!this.#brokerIsUp) this.#happens({ _tag: "BrokerStarts" });
    while (this.#processes.filter(({ state }) => state === "running").length < 2) this.#start(true);
    this.#until(() => {
      // A static member may have been refused: its predecessor was not gone yet.
      while (this.#running.length < 2) this.#start(true);
      return this.#observer.finished && this.#settled;
    }, "everything is resolved and committed");
  }

  /** Processes come and go in good order: nothing is received twice. */
  #calm(): void {
    const { calm } = this.script;
    this.#observer.calm = true;
    const before = new Map([...this.#observer.tasks.values()].map(({ task, calls }) => [task.id, calls.length]));
    const third = Math.ceil(calm.length / 3);
    this.#writer.write(calm.slice(0, third));
    this.#pass(this.#time.random() * 300);
    this.#start();
    this.#writer.write(calm.slice(third, 2 * third));
    this.#pass(this.#time.random() * 800);
    this.#writer.write(calm.slice(2 * third));
    this.#pass(this.#time.random() * 50);
    const [leaver] = this.#running;
    leaver.stop();
    this.#mourn();
    const done = () => leaver.state === "ended" && this.#observer.finished && this.#settled;
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
    const { busyUntil } = this.#observer;
    this.#time.arm({ at: Math.max(busyUntil, this.#time.now) + 1, fire: () => {} });
    this.#until(() => this.#running.length === 0 && this.#time.now > busyUntil, "all have ended");
    while (this.#time.runOne()) this.#look();
    for (const process of this.#processes) {
      for (const left of process.leftovers()) this.#observer.violation(left);
    }
    const { members } = this.#kafka.group(GROUP) ?? { members: [] };
    // Static members don't leave.
    if (members.length > 0 && !this.script.habits.staticMembers) {
      this.#observer.violation(`${members.length} members are left in the group`);
    }
    this.#observer.lookBack();
  }

  get #running(): ReadonlyArray<MemberProcess> {
    return this.#processes.filter(({ state }) => state !== "ended");
  }

  /** Whether the group is at rest, and has no other members than the processes that run. */
  get #settled(): boolean {
    const group = this.#kafka.group(GROUP);
    const running = this.#running;
    const rests = this.#writer.idle && group?.state === "Stable" && group.members.length === running.length;
    if (!rests || group.generation !== this.#restsIn) this.#restsSince = this.#time.now;
    this.#restsIn = group?.generation ?? -1;
    if (!rests || this.#time.now <= this.#mourning || this.#time.now - this.#restsSince <= REST) return false;
    return running.every((process) => this.#time.now - (this.#echoes.get(process) ?? 0) > REST);
  }

  /** A member may be counted in for so long although it is no more. */
  #mourn(): void {
    this.#mourning = this.#time.now + SESSION_TIMEOUT;
    // Somebody looks then, at the latest.
    this.#time.arm({ at: this.#mourning + 1, fire: () => {} });
  }

  #happens(what: Happening["what"]): void {
    switch (what._tag) {
      case "Start":
        if (this.#running.length < MOST_PROCESSES) this.#start();
        return;
      case "Crash": {
        const process = this.#one(what.pick);
        if (process !== undefined) this.#vacantFrom.set(process.seat, this.#time.now + SESSION_TIMEOUT);
        process?.crash();
        return this.#mourn();
      }
      case "Stop":
        this.#one(what.pick)?.stop();
        return this.#mourn();
      case "Freeze": {
        const process = this.#one(what.pick);
        if (process === undefined || process.frozen) return;
        process.freeze();
        const thaw = () => {
          process.thaw();
          // What was sent and not applied yet is applied now.
          this.#lookUntil = Math.max(this.#lookUntil, this.#time.now);
        };
        return this.#time.arm({ at: Math.min(CALM, this.#time.now + what.ms), fire: thaw });
      }
      case "ClockJumps":
        return this.#one(what.pick)?.setClock(what.ms);
      case "BrokerStops":
        this.#observer.note("the broker stops");
        this.#brokerIsUp = false;
        this.#writer.hold();
        return this.#kafka.stop();
      case "BrokerStarts":
        this.#observer.note("the broker starts");
        this.#brokerIsUp = true;
        this.#kafka.start();
        return this.#writer.goOn();
      case "PowerCut":
        return this.#powerCut();
      case "Grows":
        return this.#writer.grow();
      case "Write":
        return this.#writer.write(what.tasks);
    }
  }

  /** Everybody dies; the broker reads its file again. */
  #powerCut(): void {
    this.#observer.note("all die");
    for (const process of this.#processes) process.crash();
    this.#buried = this.#processes.length;
    this.#writer.kill();
    this.#kafka.kill();
    this.#owners.clear();
    this.#vacantFrom.clear();
    this.#kafka = brokerOf(this.#file);
    this.#kafka.intercept = this.#intercept;
    this.#observer.reborn(this.#kafka);
    this.#lookUntil = this.#time.now;
    this.#writer.start(this.#kafka);
    if (this.#brokerIsUp) this.#start();
    else this.#kafka.stop();
  }

  #one(pick: number): MemberProcess | undefined {
    const running = this.#running;
    return running[Math.floor(pick * running.length)];
  }

  #start(anew = false): void {
    const name = `p${++this.#names}`;
    this.#observer.note(`${name} starts`);
    // The place of one that was killed is refused for a while.
    const taken = new Set(this.#running.map(({ seat }) => seat));
    const free = anew ? [] : SEATS.filter((seat) => !taken.has(seat));
    const seat = free.find((seat) => this.#time.now > (this.#vacantFrom.get(seat) ?? -1)) ?? name;
    this.#processes.push(new MemberProcess(name, seat, this.#time, this.#kafka, this.#observer));
  }

  #pass(ms: number): void {
    const end = this.#time.now + ms;
    this.#time.arm({ at: Math.ceil(end), fire: () => {} });
    this.#until(() => this.#time.now >= end, "time passes");
  }

  /** Goes on until `done`, which must come; it is asked when nothing can run at the present time. */
  #until(done: () => boolean, what: string): void {
    const limit = this.#time.now + PATIENCE;
    for (;;) {
      while (this.#time.runOne()) this.#look();
      if (done()) return;
      if (!this.#time.moveOn()) throw new Hopeless(`nothing will ever happen again, but not: ${what}`);
      this.#look();
      if (this.#time.now > limit) {
        throw new Hopeless(`${PATIENCE} ms later still not: ${what}; ${this.#observer.unfinished().join(", ")}`);
      }
    }
  }

  /** Only Produce and OffsetCommit change what the observer looks at: at once, or when they were held up. */
  #look(): void {
    this.#steps++;
    if (!this.#applied && this.#time.now > this.#lookUntil) return;
    this.#applied = false;
    this.#observer.look();
  }
}

/** A schedule that does not come to its end. */
class Hopeless extends Error {}

function tell(fault: object | null): string {
  return fault === null ? "" : JSON.stringify(fault);
}
