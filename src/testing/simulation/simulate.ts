/**
 * Simulations of a user's own actors: whole systems under random failures, in virtual time, the same for a seed.
 * @module
 */
import { Layer } from "effect";
import type { ActorDefinition, ServicesOfActors } from "../../actor.ts";
import { ConfigError } from "../../errors.ts";
import { type Course, type CourseOptions, runCourse } from "./course.ts";
import type { Happening, SimulatedFault } from "./script.ts";
import { shorter } from "./shrink.ts";
import { scriptInWords, SimulationError } from "./simulation_error.ts";
import type { SimulationLayer, SimulationOptions } from "./simulation_options.ts";

/** What a simulation has done. */
export interface SimulationReport {
  /** Schedules that were run. */
  readonly schedules: number;
  /** Calls of `receive`. */
  readonly calls: number;
  /** Faults of requests. */
  readonly faults: number;
  /** Virtual milliseconds. */
  readonly elapsed: number;
}

const every: ReadonlyArray<SimulatedFault> = ["crash", "leave", "broker", "request"];

// How much is spent on making a failure smaller: schedules, and tasks in all as a multiple of those of the failure.
const TRIES = 300;
// In how many orders fibers take their turns until something counts as not failing.
const TURNS = 3;
const WORK = 100;

/**
 * Runs actors through schedules of random failures, each drawn from a seed: processes of a system start, end and are
 * killed, the broker is away, requests fail, are late or lose their answers, fibers take their turns in any order. All of
 * it is the real runtime and client on an embedded Kafka, in virtual time.
 *
 * In each schedule, and without being asked for:
 * - every record in the actors' topics is resolved at the end, and no commit ever passes one that is not: `receive` is
 *   done and what it published stands in the log, or it was skipped, or is a dead letter;
 * - while a process holds a partition, the records of a key are received in the order of their offsets, each after the
 *   outcome of the last. (A process that takes over begins where the last commit is: that may be before what was done.)
 * - nothing is received again when a process joins or leaves in good order and nothing else goes wrong;
 * - no process fails, each ends when it is told to, and leaves no fiber, timer or connection behind, and nothing that was
 *   noted by `process.hold`.
 *
 * What only your actors can know belongs into `check`. Rejects with {@linkcode SimulationError} for the first schedule that
 * breaks a promise, after making it as small as it can; with `ConfigError` where an option is wrong.
 *
 * Actors take time, chance and waiting from `process` (or, in Effects, from Effect): what comes from `Date.now`,
 * `Math.random` or real timers is not the same the next time, which is reported, too.
 *
 * @example A ledger that is written late
 * ```ts
 * import { actor, event } from "@troupe/troupe";
 * import { simulate } from "@troupe/troupe/testing";
 * import { z } from "zod";
 *
 * const Paid = event({ name: "Paid", topic: "payments", schema: z.object({ id: z.string() }), key: (paid) => paid.id });
 *
 * await simulate({
 *   schedules: 5,
 *   world: () => new Set<string>(), // a database that is played
 *   actors: (process) => [
 *     actor({
 *       name: "ledger",
 *       receives: [Paid],
 *       receive: async (paid) => {
 *         await process.sleep(10); // without `await` this is found: a process may be killed in between
 *         process.world.add(paid.id);
 *       },
 *     }),
 *   ],
 *   produce: (publish, chance) => {
 *     for (let n = 0; n < 10; n++) publish(Paid, { id: `a-${chance.between(1, 3)}` });
 *   },
 *   check: ({ world, produced }) => {
 *     for (const { record } of produced) {
 *       const id = new TextDecoder().decode(record.key ?? undefined);
 *       if (!world.has(id)) throw new Error(`${id} is not in the ledger`);
 *     }
 *   },
 * });
 * ```
 */
export async function simulate<const Actors extends ReadonlyArray<ActorDefinition>, World = undefined>(
  options: SimulationOptions<Actors, World> & SimulationLayer<ServicesOfActors<Actors>, World>,
): Promise<SimulationReport> {
  const { schedules = 200, seed: first = 1, trace = schedules === 1 } = options;
  if (!(Number.isSafeInteger(schedules) && schedules >= 1)) {
    throw new ConfigError("schedules", `expected a whole number from 1 on, got ${schedules}`);
  }
  if (!Number.isSafeInteger(first)) throw new ConfigError("seed", `expected a whole number, got ${first}`);
  const settled = complete(options as unknown as Partial<CourseOptions> & Pick<CourseOptions, "actors" | "produce">);
  let calls = 0, faults = 0, elapsed = 0;
  for (let seed = first; seed < first + schedules; seed++) {
    const course = await runCourse(settled, seed);
    calls += course.calls;
    elapsed += course.elapsed;
    faults += course.script.filter(({ _tag }) => _tag === "Fault").length;
    if (course.violations.length > 0) throw await explain(settled, course, trace);
    if (seed === first) await compare(settled, course, trace);
  }
  return { schedules, calls, faults, elapsed };
}

const names: Readonly<Record<keyof SimulationOptions<ReadonlyArray<ActorDefinition>> | "layer", true>> = {
  actors: true,
  check: true,
  events: true,
  faults: true,
  layer: true,
  partitions: true,
  patience: true,
  processes: true,
  produce: true,
  schedules: true,
  seed: true,
  settings: true,
  trace: true,
  world: true,
};

/** The options with their defaults. */
function complete(
  given: Partial<Omit<CourseOptions, "faults">> & Pick<CourseOptions, "actors" | "produce"> & {
    readonly faults?: Iterable<SimulatedFault>;
  },
): CourseOptions {
  const stray = Object.keys(given).find((name) => !(name in names));
  if (stray !== undefined) throw new ConfigError(stray, `no such option; there are ${Object.keys(names).join(", ")}`);
  for (const name of ["actors", "produce"] as const) {
    if (typeof given[name] !== "function") throw new ConfigError(name, "expected a function");
  }
  const { processes = [2, 3], patience = 120_000, faults = every } = given;
  const [least, most] = processes;
  if (!(Number.isSafeInteger(least) && Number.isSafeInteger(most) && least >= 1 && most >= least)) {
    throw new ConfigError("processes", `expected [least, most], got [${processes}]`);
  }
  if (!(patience > 0 && patience < Infinity)) {
    throw new ConfigError("patience", `expected milliseconds, got ${patience}`);
  }
  const odd = [...faults].find((fault) => !every.includes(fault));
  if (odd !== undefined) throw new ConfigError("faults", `there is no "${odd}"; there are ${every.join(", ")}`);
  return {
    world: () => undefined,
    check: () => {},
    layer: () => Layer.empty,
    partitions: 2,
    events: [],
    settings: {},
    ...defined(given),
    processes,
    patience,
    actors: given.actors,
    produce: given.produce,
    faults: new Set(faults),
  };
}

function defined<A extends object>(options: A): A {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as A;
}

/** Runs a schedule once more: it must come to the same. */
async function compare(options: CourseOptions, course: Course, trace: boolean): Promise<void> {
  const again = await runCourse(options, course.seed, course.script);
  const at = course.trace.findIndex((line, at) => line !== again.trace[at]);
  if (at < 0 && again.trace.length === course.trace.length) return;
  if (trace) print(course);
  const [was, is] = [course, again].map((each) => each.trace[at] ?? "nothing more");
  throw new SimulationError(
    course.seed,
    [
      ...course.violations.map(({ text }) => text),
      `the first time: ${was}`,
      `the second time: ${is}`,
      "what comes from Math.random, Date.now, real timers or real input can't be repeated: take it from `process`, or from Effect",
    ],
    scriptInWords(course),
    course.trace,
    `seed ${course.seed}: the same schedule does not go the same way twice:`,
  );
}

/** The error of a course that failed, of as little as it takes to fail. */
async function explain(options: CourseOptions, course: Course, trace: boolean): Promise<SimulationError> {
  await compare(options, course, trace);
  const [{ promise }] = course.violations;
  let least = course;
  let work = WORK * course.steps;
  const candidates = shorter<Happening>(course.script);
  let next = candidates.next();
  for (let tried = 0; tried < TRIES && work > 0 && !next.done; tried++) {
    let fails = false;
    for (let turns = 0; turns < TURNS && !fails; turns++) {
      const shorter = await runCourse(options, course.seed, next.value, turns);
      work -= shorter.steps;
      fails = shorter.violations[0]?.promise === promise;
      if (fails) least = shorter;
    }
    next = candidates.next(fails);
  }
  if (trace) print(least);
  const { seed, violations, script } = least;
  const all = course.script.length;
  const enough = script.length < all ? `; ${script.length} of the ${all} things that happened are enough` : "";
  return new SimulationError(
    seed,
    violations.map(({ text }) => text),
    scriptInWords(least),
    least.trace,
    `seed ${seed} breaks a promise (${promise})${enough}:`,
  );
}

function print({ trace }: Course): void {
  console.log(trace.join("\n"));
}
