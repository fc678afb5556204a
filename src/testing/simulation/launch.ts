/**
 * Starts a process of a simulation: the real runtime and client, with a user's actors, watched.
 * @module
 */
import { Effect, Layer, Logger, References } from "effect";
import type { EventDefinition } from "../../event.ts";
import type { EmbeddedKafka } from "../../link/embedded/embedded.ts";
import { makeSystem } from "../../runtime/system.ts";
import { seededRandom } from "../seeded_random.ts";
import type { VirtualTime } from "../virtual_time.ts";
import { chanceOf } from "./chance.ts";
import type { Chronicle } from "./chronicle.ts";
import type { CourseOptions } from "./course.ts";
import { ProcessLife } from "./process_life.ts";
import { type Habits, processSettings } from "./settings.ts";
import type { SimulatedProcess } from "./simulation_options.ts";
import { watched } from "./watched_actor.ts";

/** What all processes of a schedule share. */
export interface Surroundings {
  readonly seed: number;
  readonly options: CourseOptions;
  readonly habits: Habits;
  readonly time: VirtualTime;
  readonly kafka: EmbeddedKafka;
  readonly chronicle: Chronicle;
  readonly world: unknown;
  /** Those that are published from outside. */
  readonly events: ReadonlyArray<EventDefinition>;
}

/** Starts the process `p1`, `p2` and so on. */
export function launch(
  name: string,
  { seed, options, habits, chronicle, events, ...shared }: Surroundings,
): ProcessLife {
  const { time, kafka, world } = shared;
  const life = new ProcessLife(name, time, kafka, (line) => chronicle.note(line));
  const process: SimulatedProcess<unknown> = {
    name,
    world,
    // Of its own: what others do changes nothing of it.
    chance: chanceOf(seededRandom(seed ^ Math.imul(Number(name.slice(1)) + 1, 0x9e3779b9))),
    now: () => time.now,
    sleep: (ms) => life.sleep(ms),
    hold: (what) => life.hold(what),
    note: (line) => chronicle.note(`${name}: ${line}`),
  };
  const actors = options.actors(process);
  chronicle.meets(actors);
  const own = actors.flatMap(({ receives, publishes }) => [...receives, ...publishes]);
  const definition = {
    ...processSettings(options.settings, habits),
    partitions: options.partitions,
    actors: actors.map((actor) => watched(actor, name, chronicle)),
    events: distinct([...own, ...events]).filter((event) => !own.includes(event)),
  };
  const main = Effect.gen(function* () {
    const services = yield* Layer.build(options.layer(process));
    const system = yield* Effect.provideContext(makeSystem(definition, life.link.broker.open), services);
    yield* Effect.raceFirst(life.stopped, system.ended);
    const { unfinished } = yield* system.drain;
    for (const work of unfinished) {
      if (chronicle.calm) chronicle.violation("end", `${name} was told to stop and left unfinished: ${work}`);
      else chronicle.note(`${name} leaves unfinished: ${work}`);
    }
  });
  const logger = Logger.make(({ message, logLevel }) => {
    chronicle.note(`${name} logs ${logLevel}: ${[message].flat().map(String).join(" ")}`);
  });
  life.start(
    Effect.scoped(main).pipe(
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Info"),
    ),
  );
  return life;
}

/** The first of each topic and name: a message of a second one, such as bytes that are none, is one of the first. */
export function distinct(events: ReadonlyArray<EventDefinition>): ReadonlyArray<EventDefinition> {
  const first = new Map<string, EventDefinition>();
  for (const event of events) {
    const place = `${event.topic} ${event.name}`;
    if (!first.has(place)) first.set(place, event);
  }
  return [...first.values()];
}
