/**
 * The course of one schedule: processes on one Kafka, what its script lets happen to them, and a chronicle of it all.
 * @module
 */
import type { Layer } from "effect";
import type { ActorDefinition } from "../../actor.ts";
import { ConfigError } from "../../errors.ts";
import { EmbeddedKafka } from "../../link/embedded/embedded.ts";
import type { Intercept } from "../../link/embedded/faults.ts";
import { seededRandom } from "../seeded_random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { chanceOf } from "./chance.ts";
import { Chronicle, type Violation } from "./chronicle.ts";
import { Clockwork, Hopeless } from "./clockwork.ts";
import { distinct, launch, type Surroundings } from "./launch.ts";
import { GroupRest } from "./group_rest.ts";
import { outcomeOf } from "./outcome.ts";
import { ProcessLife } from "./process_life.ts";
import { type Planned, Producer } from "./producer.ts";
import { RequestFaults } from "./request_faults.ts";
import { CALM, drawScript, type Happening, type SimulatedFault } from "./script.ts";
import { brokerSettings, drawHabits, longest, restOf } from "./settings.ts";
import type { SimulatedProcess, SimulationOptions } from "./simulation_options.ts";
import { drawWeather } from "./weather.ts";

/** The options, whatever their types, with their defaults. */
export interface CourseOptions extends
  Required<
    Omit<SimulationOptions<ReadonlyArray<ActorDefinition>, unknown>, "schedules" | "seed" | "trace" | "faults">
  > {
  readonly faults: ReadonlySet<SimulatedFault>;
  readonly layer: (process: SimulatedProcess<unknown>) => Layer.Layer<never, unknown>;
}

/** What came of a schedule. */
export interface Course {
  readonly seed: number;
  readonly violations: ReadonlyArray<Violation>;
  readonly trace: ReadonlyArray<string>;
  /** All that happened, the faults of requests too: the same again gives the same course. */
  readonly script: ReadonlyArray<Happening>;
  readonly messages: ReadonlyArray<Planned>;
  /** Whether a process had to be started at the end, as none was left. */
  readonly saved: boolean;
  /** Virtual milliseconds. */
  readonly elapsed: number;
  /** Tasks of the scheduler. */
  readonly steps: number;
  /** Calls of `receive`. */
  readonly calls: number;
}

/**
 * Runs the schedule of a seed; with a script, just what stands there happens. Fibers take their turns in another order for
 * each `turns`. Rejects with ConfigError.
 */
export function runCourse(
  options: CourseOptions,
  seed: number,
  script?: ReadonlyArray<Happening>,
  turns = 0,
): Promise<Course> {
  return new Schedule(options, seed, turns, script).run();
}

/** How long groups rest when nobody has died, in milliseconds. */
const SHORT_REST = 300;
/** The process that is started when none is left. */
const LAST = "p0";

class Schedule {
  readonly #time: VirtualTime;
  readonly #kafka: EmbeddedKafka;
  readonly #chronicle: Chronicle;
  readonly #clockwork: Clockwork;
  readonly #messages: Planned[] = [];
  readonly #script: ReadonlyArray<Happening>;
  readonly #faults: RequestFaults;
  readonly #producer: Producer;
  readonly #client: ProcessLife;
  readonly #lives: ProcessLife[] = [];
  /** Processes that are killed after their next commit. */
  readonly #doomed = new Set<string>();
  /** Those that have ended and were looked at. */
  readonly #buried = new Set<ProcessLife>();
  readonly #world: unknown;
  readonly #surroundings: Surroundings;
  readonly #rest: GroupRest;
  #turmoilUntil = Infinity;
  #lookUntil = 0;
  #echo = 0;

  constructor(
    private readonly options: CourseOptions,
    private readonly seed: number,
    turns: number,
    script: ReadonlyArray<Happening> | undefined,
  ) {
    // What happens is drawn apart from the turns of fibers: a shorter script leaves the rest as it was.
    const random = seededRandom(seed ^ 0x5eed);
    const chance = chanceOf(random);
    options.produce((event, message, options) => void this.#messages.push({ event, message, options }), chance);
    const { events, faults, partitions, processes, settings } = options;
    const habits = drawHabits(chance);
    const drawn = drawScript(chance, { messages: this.#messages.length, processes, faults });
    this.#script = script ?? drawn;
    const weather = script === undefined && faults.has("request") ? drawWeather(random) : null;
    this.#faults = new RequestFaults(weather, this.#script);
    this.#time = new VirtualTime(seed ^ Math.imul(turns, 0x85ebca6b));
    this.#kafka = new EmbeddedKafka({ partitions, ...brokerSettings(settings) });
    this.#kafka.intercept = this.#intercept;
    const known = distinct([...events, ...this.#messages.map(({ event }) => event)]);
    this.#chronicle = new Chronicle(this.#kafka, () => this.#time.now, known);
    this.#clockwork = new Clockwork(this.#time, () => {
      if (this.#time.now <= this.#lookUntil) this.#chronicle.look();
    });
    this.#rest = new GroupRest(this.#kafka, () => this.#time.now);
    this.#world = options.world();
    this.#surroundings = {
      seed,
      options,
      habits,
      time: this.#time,
      kafka: this.#kafka,
      chronicle: this.#chronicle,
      world: this.#world,
      events: known,
    };
    this.#client = new ProcessLife("the producer", this.#time, this.#kafka, () => {});
    this.#producer = new Producer(this.#client, this.#messages, known, partitions);
  }

  async run(): Promise<Course> {
    try {
      await this.#turmoil();
      await this.#handOver();
      await this.#end();
    } catch (error) {
      if (!(error instanceof Hopeless)) throw error;
      // What was broken before says more.
      if (this.#chronicle.violations.length === 0) this.#chronicle.violation("end", error.message);
    } finally {
      for (const life of [...this.#lives, this.#client]) life.crash();
    }
    const { violations, trace, calls } = this.#chronicle;
    return {
      seed: this.seed,
      violations,
      trace,
      script: [...this.#script.filter(({ _tag }) => _tag !== "Fault"), ...this.#faults.happened],
      messages: this.#messages,
      saved: this.#of(LAST) !== undefined,
      elapsed: this.#time.now,
      steps: this.#clockwork.steps,
      calls: calls.length,
    };
  }

  /** Everything the script lets happen, and then time to recover. */
  async #turmoil(): Promise<void> {
    this.#producer.start();
    await this.#until(() => this.#producer.ready, "the topics are there");
    const begun = this.#time.now;
    this.#turmoilUntil = begun + CALM;
    const at = (ms: number, fire: () => void) => this.#time.arm({ at: begun + ms, fire });
    for (const happening of this.#script) {
      switch (happening._tag) {
        case "Start":
          at(happening.at, () => this.#start(happening.process));
          break;
        case "Stop":
          at(happening.at, () => this.#of(happening.process)?.stop());
          break;
        case "Crash":
          at(happening.at, () => this.#kill(happening.process));
          break;
        case "CrashAfterCommit":
          at(happening.at, () => this.#doomed.add(happening.process));
          break;
        case "BrokerAway":
          at(happening.at, () => this.#kafka.stop());
          at(happening.until, () => this.#kafka.start());
          break;
        case "Write":
          at(happening.at, () => this.#producer.write([happening.message]));
          break;
      }
    }
    await this.#clockwork.pass(CALM + 1);
    if (!this.#lives.some(({ state }) => state === "running")) this.#start(LAST);
    // A member that has died is counted in for so long.
    const rest = restOf(this.options.settings);
    await this.#until(() => this.#done(rest), "everything is resolved and committed");
  }

  /** Processes come and go in good order: nothing is received twice. */
  async #handOver(): Promise<void> {
    const handOver = this.#script.find(({ _tag }) => _tag === "HandOver");
    if (handOver?._tag !== "HandOver") return;
    const messages = this.#script.flatMap((each) => each._tag === "WriteInCalm" ? [each.message] : []);
    this.#chronicle.calm = true;
    this.#chronicle.note("all is well from here on");
    const third = Math.ceil(messages.length / 3);
    const [first, second, last] = handOver.pauses;
    this.#producer.write(messages.slice(0, third));
    await this.#clockwork.pass(first);
    this.#start(handOver.process);
    this.#producer.write(messages.slice(third, 2 * third));
    await this.#clockwork.pass(second);
    this.#producer.write(messages.slice(2 * third));
    await this.#clockwork.pass(last);
    const [eldest] = this.#running;
    eldest?.stop();
    const left = () => eldest === undefined || eldest.state === "ended";
    await this.#until(() => left() && this.#done(SHORT_REST), "the hand-over is done");
  }

  /** All stop: nothing is left, and the check looks at it all. */
  async #end(): Promise<void> {
    for (const life of this.#lives) life.stop();
    await this.#until(() => this.#running.length === 0, "all processes have ended");
    if (this.#chronicle.violations.length > 0) return;
    try {
      await this.options.check(outcomeOf(this.#chronicle, this.seed, this.#world, this.#messages, this.#producer));
    } catch (error) {
      this.#chronicle.violation("check", error instanceof Error ? error.message : String(error));
    }
  }

  #until(done: () => boolean, what: string): Promise<void> {
    return this.#clockwork.until(
      () => this.#lookAfter() || done(),
      this.options.patience,
      () => [what, ...this.#chronicle.unfinished()].join("; "),
    );
  }

  /** Looks at the processes that have ended; asked when nothing can run at the present time. */
  #lookAfter(): false {
    for (const life of [this.#client, ...this.#lives]) {
      if (life.state !== "ended" || this.#buried.has(life)) continue;
      this.#buried.add(life);
      const { failure, name } = life;
      if (failure instanceof ConfigError) throw failure;
      const left = life.leftovers(this.#chronicle.strays(name));
      if (left.length > 0) this.#chronicle.violation("leftovers", `${name} has ended and left ${left.join(", ")}`);
      // What an operating system does with the rest.
      life.crash();
      if (failure === null) continue;
      this.#chronicle.violation(
        "failure",
        `${name} has failed: ${failure instanceof Error ? failure.message : failure}`,
      );
      throw new Hopeless(`${name} runs`);
    }
    return false;
  }

  get #running(): ReadonlyArray<ProcessLife> {
    return this.#lives.filter(({ state }) => state !== "ended");
  }

  #of(process: string): ProcessLife | undefined {
    return this.#lives.find(({ name }) => name === process);
  }

  #start(name: string): void {
    this.#lives.push(launch(name, this.#surroundings));
  }

  #kill(name: string): void {
    this.#of(name)?.crash();
    this.#chronicle.crashed(name);
  }

  readonly #intercept: Intercept = ({ api, connection }) => {
    const { now } = this.#time;
    const life = this.#lives.find(({ link }) => link.has(connection));
    const fault = life === undefined || now >= this.#turmoilUntil ? null : this.#faults.next(life.name, api);
    if (api === "Produce" || api === "OffsetCommit") {
      this.#lookUntil = Math.max(this.#lookUntil, now + (fault?._tag === "Delay" ? fault.ms : 0));
    }
    if (life === undefined) return null;
    if (api === "OffsetCommit" && now < this.#turmoilUntil && this.#doomed.delete(life.name)) {
      this.#time.arm({ at: now + 1, fire: () => this.#kill(life.name) });
    }
    if (fault === null) return null;
    // It holds up its process for as long, whatever the others do.
    if (fault._tag === "Never") this.#echo = Math.max(this.#echo, now + longest(api, this.options.settings));
    this.#chronicle.note(`${api} of ${life.name}: ${JSON.stringify(fault)}`);
    return fault;
  };

  /** Whether all is written, resolved and committed, and the groups are at rest for as long. */
  #done(rest: number): boolean {
    const { actors } = this.#chronicle;
    const groups = new Set(Array.from(actors.values(), ({ group }) => group));
    const resting = this.#rest.since(groups, this.#running.length);
    return this.#producer.idle && resting !== null && this.#time.now - Math.max(resting, this.#echo) > rest &&
      this.#chronicle.unfinished().length === 0;
  }
}
