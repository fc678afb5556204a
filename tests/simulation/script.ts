/**
 * What happens in a schedule, drawn from its seed: which tasks there are, when processes come, go and die, when the broker
 * is away, and how often which request goes wrong.
 * @module
 */
import type { Order } from "../../src/actor.ts";
import type { GroupProtocol } from "../../src/runtime/settings.ts";
import { drawWeather, type Weather } from "../../src/testing/simulation/weather.ts";
import { type Behaviour, PARTITIONS, type Task } from "./workload.ts";

/** Something that happens at a time. */
export interface Happening {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly what:
    | { readonly _tag: "Start" }
    | { readonly _tag: "Crash" }
    | { readonly _tag: "Stop" }
    | { readonly _tag: "BrokerStops" }
    | { readonly _tag: "BrokerStarts" }
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

/** Draws a schedule; `random` gives the seed's numbers. */
export function draw(random: () => number): Script {
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const often = <A>(choices: ReadonlyArray<A>): A => choices[between(0, choices.length - 1)];
  let ids = 0;
  const keys = between(2, 8);
  const task = (kinds: ReadonlyArray<readonly [Behaviour, number]>): Task => {
    const key = between(0, keys - 1);
    const outputs = between(1, 2);
    const behaviour = weighted(kinds, random);
    return {
      id: ids++,
      key: `k${key}`,
      partition: key % PARTITIONS,
      behaviour,
      times: behaviour === "deadly" ? between(1, 4) : between(1, 2),
      outputs: behaviour === "plain" ? 0 : outputs,
      pause: between(1, 300),
    };
  };

  const happenings: Happening[] = [];
  const happens = (at: number, what: Happening["what"]) => void happenings.push({ at, what });
  happens(0, { _tag: "Start" });
  if (random() < 0.7) happens(between(0, 1_000), { _tag: "Start" });
  for (let writes = between(2, 4); writes > 0; writes--) {
    const tasks = Array.from({ length: between(2, 8) }, () => task(behaviours));
    happens(between(0, CALM - 1_000), { _tag: "Write", tasks });
  }
  for (let n = often([0, 0, 1, 1, 2, 3]); n > 0; n--) happens(between(300, CALM - 1), { _tag: "Crash" });
  for (let n = often([0, 0, 1, 1, 2, 3]); n > 0; n--) happens(between(300, CALM - 1), { _tag: "Stop" });
  for (let n = often([0, 1, 2, 3, 4]); n > 0; n--) happens(between(300, CALM - 1), { _tag: "Start" });
  if (random() < 0.3) {
    const from = between(300, CALM - 100);
    happens(from, { _tag: "BrokerStops" });
    happens(Math.min(CALM, from + between(50, 3_000)), { _tag: "BrokerStarts" });
  }
  happenings.sort((a, b) => a.at - b.at);

  const fault = drawWeather(random);
  const habits: Habits = {
    groupProtocol: random() < 0.5 ? "consumer" : "classic",
    order: often<Order>(["key", "key", "key", "partition", "none"]),
    batches: random() < 0.2,
    deliveryTimeout: often([60_000, 60_000, 1_200]),
  };
  const calm = Array.from({ length: between(5, 9) }, () => task(good));
  return { habits, happenings, fault, calm };
}

function weighted<A>(choices: ReadonlyArray<readonly [A, number]>, random: () => number): A {
  let left = random() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [choice, weight] of choices) if ((left -= weight) < 0) return choice;
  return choices[0][0];
}
