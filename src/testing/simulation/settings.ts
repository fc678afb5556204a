/**
 * Times of a simulation: short ones, so that little happens in vain.
 * @module
 */
import type { EmbeddedOptions } from "../../link/embedded/embedded.ts";
import type { ApiName } from "../../link/protocol.ts";
import type { GroupProtocol } from "../../runtime/settings.ts";
import type { Chance } from "./chance.ts";
import type { SimulationSettings } from "./simulation_options.ts";

/** After how long without a heartbeat a member is expelled, in milliseconds. */
const SESSION_TIMEOUT = 1_500;
const HEARTBEATS = 500;
const REBALANCE_TIMEOUT = 4_000;
const SHORT_TIMEOUT = 1_500;
// What a group's requests may take longer than a rebalance.
const SLACK = 7_000;

const SHORT: ReadonlyArray<ApiName> = [
  "Produce",
  "Fetch",
  "ListOffsets",
  "InitProducerId",
  "Metadata",
  "FindCoordinator",
];

/** How long a request may hold its process up that is never answered, in milliseconds. */
export function longest(api: ApiName, { rebalanceTimeout = REBALANCE_TIMEOUT }: SimulationSettings): number {
  return SHORT.includes(api) ? SHORT_TIMEOUT : rebalanceTimeout + SLACK;
}

/** How long a group has to be at rest until it surely is, in milliseconds. */
export function restOf({ sessionTimeout = SESSION_TIMEOUT }: SimulationSettings): number {
  return sessionTimeout;
}

/** The broker's side. */
export function brokerSettings(settings: SimulationSettings): EmbeddedOptions {
  return {
    sessionTimeout: settings.sessionTimeout ?? SESSION_TIMEOUT,
    heartbeatInterval: settings.heartbeatInterval ?? HEARTBEATS,
    assignmentInterval: 200,
  };
}

/** What the processes of a schedule have in common. */
export interface Habits {
  readonly groupProtocol: GroupProtocol;
  /** Soon: what is committed before it is done is lost with the process. Late: much is repeated. */
  readonly commitInterval: number;
}

/** Draws the habits of a schedule. */
export function drawHabits({ oneOf }: Chance): Habits {
  return { groupProtocol: oneOf(["classic", "consumer"]), commitInterval: oneOf([25, 250]) };
}

/** The settings of a process, with the simulation's own where there are no others. */
export function processSettings(settings: SimulationSettings, habits: Habits): SimulationSettings {
  return {
    ...habits,
    sessionTimeout: SESSION_TIMEOUT,
    heartbeatInterval: HEARTBEATS,
    rebalanceTimeout: REBALANCE_TIMEOUT,
    drainTimeout: 2_500,
    ...settings,
    producer: { linger: 2, requestTimeout: 800, ...settings.producer },
    cluster: { metadataTimeout: 1_000, ...settings.cluster },
    fetch: { maxWait: 500, requestTimeout: 800, ...settings.fetch },
  };
}
