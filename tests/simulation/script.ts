/**
 * What happens in a schedule, drawn from its seed: which tasks there are, when processes come, go, die and freeze, when the
 * broker is away, and how often which request goes wrong.
 * @module
 */
import type { Order } from "../../src/actor.ts";
import type { GroupProtocol } from "../../src/runtime/settings.ts";
import { drawWeather, type Weather } from "../../src/testing/simulation/weather.ts";
import { type Behaviour, GROWN, PARTITIONS, type Style, type Task } from "./workload.ts";

/** Something that happens at a time. `pick`, in [0, 1), says to which of the processes that are there. */
export interface Happening {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly what:
    | { readonly _tag: "Start" }
    | { readonly _tag: "Crash"; readonly pick: number }
    | { readonly _tag: "Stop"; readonly pick: number }
    /** It stands still for `ms` milliseconds, as by SIGSTOP. */
    | { readonly _tag: "Freeze"; readonly pick: number; readonly ms: number }
    /** Its wall clock is set. */
    | { readonly _tag: "ClockJumps"; readonly pick: number; readonly ms: number }
    | { readonly _tag: "BrokerStops" }
    | { readonly _tag: "BrokerStarts" }
    /** All processes and the broker die at once; a new broker reads the old one's file. */
    | { readonly _tag: "PowerCut" }
    /** The topic of tasks gets one more partition. */
    | { readonly _tag: "Grows" }
    | { readonly _tag: "Write"; readonly tasks: ReadonlyArray<Task> };
}

/** How the processes of a schedule work, and their actor. */
export interface Habits {
  readonly groupProtocol: GroupProtocol;
  readonly order: Order;
  /** Whether it receives batches. */
  readonly batches: boolean;
  /** Milliseconds after which a publish that is not acknowledged has failed. */
  readonly deliveryTimeout: number;
  /** Whether processes are static members: who starts takes the place of one that has ended. */
  readonly staticMembers: boolean;
  /** Whether the topic grows: then it is looked at more often. */
  readonly grows: boolean;
}

/** A schedule. */
export interface Script {
  readonly habits: Habits;
  /** In the order of time. */
  readonly happenings: ReadonlyArray<Happening>;
  /** Decides about each request until {@linkcode CALM}. */
  readonly fault: Weather;
  /** Tasks that are written when all is well again, while processes come and go in good order. */
  readonly calm: ReadonlyArray<Task>;
}

/** From here on nothing goes wrong any more. */
export const CALM = 4_000;

const behaviours: ReadonlyArray<readonly [Behaviour, number]> = [
  ["plain", 6],
  ["publish", 12],
  ["slow", 8],
  ["flaky", 4],
  ["faint", 3],
  ["hopeless", 1],
  ["stuck", 1],
  ["deaf", 1],
  ["deadly", 1],
  ["skip", 1],
  ["reject", 1],
  ["later", 2],
  ["poison", 1],
  ["foreign", 1],
];

const good: ReadonlyArray<readonly [Behaviour, number]> = [["plain", 2], ["publish", 5], ["slow", 5], ["reject", 1], [
  "poison",
  1,
]];

const styles: ReadonlyArray<readonly [Style, number]> = [["sync", 4], ["effect", 4], ["async", 3]];

// Up to a month. Back by less than half an hour: here a broker has the clock of who asks it, and refuses for good what was
// stamped more than an hour later than that.
const JUMPS = [-1_500_000, -60_000, -700, 700, 3_600_000, 2_600_000_000];

/** Draws a schedule; `random` gives the seed's numbers. */
export function draw(random: () => number): Script {
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const often = <A>(choices: ReadonlyArray<A>): A => choices[between(0, choices.length - 1)];
  let ids = 0;
  const keys = between(2, 8);
  const task = (kinds: ReadonlyArray<readonly [Behaviour, number]>, partitions: number): Task => {
    const key = between(0, keys - 1);
    const outputs = between(1, 2);
    const behaviour = weighted(kinds, random);
    return {
      id: ids++,
      key: `k${key}`,
      partition: key % partitions,
      behaviour,
      style: weighted(styles, random),
      times: behaviour === "deadly" ? between(1, 4) : between(1, 2),
      outputs: behaviour === "plain" ? 0 : outputs,
      pause: behaviour === "deaf" ? between(300, 3_000) : between(1, 300),
    };
  };

  const happenings: Happening[] = [];
  const happens = (at: number, what: Happening["what"]) => void happenings.push({ at, what });
  const later = () => between(300, CALM - 1);
  happens(0, { _tag: "Start" });
  if (random() < 0.7) happens(between(0, 1_000), { _tag: "Start" });
  const grownAt = random() < 0.12 ? between(300, CALM - 1_000) : Infinity;
  if (grownAt < Infinity) happens(grownAt, { _tag: "Grows" });
  for (let writes = between(2, 4); writes > 0; writes--) {
    const at = between(0, CALM - 1_000);
    const tasks = Array.from({ length: between(2, 8) }, () => task(behaviours, at > grownAt ? GROWN : PARTITIONS));
    happens(at, { _tag: "Write", tasks });
  }
  for (let n = often([0, 0, 1, 1, 2, 3]); n > 0; n--) happens(later(), { _tag: "Crash", pick: random() });
  for (let n = often([0, 0, 1, 1, 2, 3]); n > 0; n--) happens(later(), { _tag: "Stop", pick: random() });
  for (let n = often([0, 1, 2, 3, 4]); n > 0; n--) happens(later(), { _tag: "Start" });
  for (let n = often([0, 0, 0, 1, 1, 2]); n > 0; n--) {
    happens(later(), { _tag: "Freeze", pick: random(), ms: between(100, 3_000) });
  }
  for (let n = often([0, 0, 0, 0, 1, 2]); n > 0; n--) {
    happens(between(0, CALM - 1), { _tag: "ClockJumps", pick: random(), ms: often(JUMPS) });
  }
  if (random() < 0.3) {
    const from = between(300, CALM - 100);
    happens(from, { _tag: "BrokerStops" });
    happens(Math.min(CALM, from + between(50, 3_000)), { _tag: "BrokerStarts" });
  }
  if (random() < 0.06) happens(later(), { _tag: "PowerCut" });
  happenings.sort((a, b) => a.at - b.at);

  const fault = drawWeather(random);
  const habits: Habits = {
    groupProtocol: random() < 0.5 ? "consumer" : "classic",
    order: often<Order>(["key", "key", "key", "partition", "none"]),
    batches: random() < 0.2,
    deliveryTimeout: often([60_000, 60_000, 1_200]),
    staticMembers: random() < 0.2,
    grows: grownAt < Infinity,
  };
  const calm = Array.from({ length: between(5, 9) }, () => task(good, habits.grows ? GROWN : PARTITIONS));
  return { habits, happenings, fault, calm };
}

function weighted<A>(choices: ReadonlyArray<readonly [A, number]>, random: () => number): A {
  let left = random() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [choice, weight] of choices) if ((left -= weight) < 0) return choice;
  return choices[0][0];
}
