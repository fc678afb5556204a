/**
 * What a simulation is given, and what its check is shown.
 * @module
 */
import type { Layer } from "effect";
import type { ActorDefinition } from "../../actor.ts";
import type { PublishOptions } from "../../context.ts";
import type { EventDefinition } from "../../event.ts";
import type { ConsumerRecord } from "../../record.ts";
import type { SystemOptions } from "../../system_options.ts";
import type { Received, ReceivedDeadLetter } from "../written_records.ts";
import type { Chance } from "./chance.ts";
import type { SimulatedFault } from "./script.ts";

/** One process of a simulation, as its actors know it: what they need of the outside comes from here. */
export interface SimulatedProcess<World = undefined> {
  /** `p1`, `p2` and so on. */
  readonly name: string;
  /** What is outside of all processes, such as a database that is played: see {@linkcode SimulationOptions.world}. */
  readonly world: World;
  /** What a program would take from `Math.random`. */
  readonly chance: Chance;
  /** The virtual time in milliseconds, for what a program would take from `Date.now`. */
  readonly now: () => number;
  /** What a program would do by `setTimeout`, in virtual milliseconds. Never resolves in a process that is killed meanwhile. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Notes that something was taken (a file, a lock). What is not disposed of when its process ends is reported by its name. */
  readonly hold: (what: string) => Disposable;
  /** Writes a line of the trace. */
  readonly note: (line: string) => void;
}

/** A message that was published at the start of it all. */
export interface ProducedMessage {
  /** Its event. */
  readonly event: EventDefinition;
  /** The message. */
  readonly message: unknown;
  /** Its record. */
  readonly record: ConsumerRecord;
}

/** A call of `receive`. */
export interface SimulatedCall {
  /** The process. */
  readonly process: string;
  /** The actor's name. */
  readonly actor: string;
  /** The record it was given. */
  readonly record: ConsumerRecord;
  /** 1 for the first time this process, or the one before it, called `receive` with it. */
  readonly attempt: number;
  /** Virtual milliseconds. */
  readonly began: number;
  /** Virtual milliseconds; -1 where it never ended. */
  readonly ended: number;
  /**
   * How it ended: "done", or the outcome it answered ("skipped", "rejected" for a dead letter, "later", "stopped"), "failed"
   * (it threw, rejected, or its Effect failed), "died" (a defect), "interrupted" (it was given up), "crashed" (its process
   * was killed). Null: it never did.
   */
  readonly outcome: string | null;
}

/** All that came of a schedule: for a simulation's check. */
export interface SimulationOutcome<World = undefined> {
  /** The schedule's seed. */
  readonly seed: number;
  /** What is outside of all processes. */
  readonly world: World;
  /** The messages that were published at the start of it all: when a failure is made smaller, not all that `produce` gave. */
  readonly produced: ReadonlyArray<ProducedMessage>;
  /** The messages of an event that stand on its topic, whoever published them; per partition in the order of offsets. */
  readonly messages: <Message>(event: EventDefinition<string, Message>) => ReadonlyArray<Received<Message>>;
  /** All dead letters. */
  readonly letters: ReadonlyArray<ReceivedDeadLetter>;
  /** All calls of `receive`, in the order they began. */
  readonly calls: ReadonlyArray<SimulatedCall>;
}

/** Publishes a message at a time that the seed chooses, in the order of the calls. */
export type Produce = <Message>(
  event: EventDefinition<string, Message>,
  message: Message,
  options?: PublishOptions,
) => void;

/** What {@linkcode simulate} is given. */
export interface SimulationOptions<Actors extends ReadonlyArray<ActorDefinition>, World = undefined> {
  /** Makes what is outside of all processes and outlives them, anew for each schedule: a database that is played, a log. */
  readonly world?: () => World;
  /**
   * The actors of one process, made anew for each that starts: what they keep in memory is that process's own. `process`
   * has what they need of the outside.
   */
  readonly actors: (process: SimulatedProcess<World>) => Actors;
  /** Publishes what there is to do, drawn by `chance`; called once for each schedule. */
  readonly produce: (publish: Produce, chance: Chance) => void;
  /**
   * Looks at what came of a schedule, after the last process has ended, and throws where it is wrong. All messages are
   * resolved then; the calls of `receive` may be more than the messages, as what a killed process had not committed is
   * received again.
   */
  readonly check?: (outcome: SimulationOutcome<World>) => void | PromiseLike<void>;
  /** How many schedules are run. Default 200. */
  readonly schedules?: number;
  /** The seed of the first; the others follow. Default 1. */
  readonly seed?: number;
  /** How many processes run at once: at first, and at most. Default `[2, 3]`. */
  readonly processes?: readonly [least: number, most: number];
  /** Partitions of each topic. Default 2. */
  readonly partitions?: number;
  /**
   * What may go wrong: "crash" (processes are killed), "leave" (they end in good order), "broker" (it is away for a while),
   * "request" (requests fail, are late, or lose their answers). Default all.
   */
  readonly faults?: ReadonlyArray<SimulatedFault>;
  /**
   * Virtual milliseconds in which all has to be done after the last fault. Default 120,000; more for actors that retry for
   * longer than that.
   */
  readonly patience?: number;
  /** Events that are neither received nor published by the actors, nor published by `produce`. */
  readonly events?: ReadonlyArray<EventDefinition>;
  /** Settings of the systems, in place of the simulation's own, which are short. */
  readonly settings?: SimulationSettings;
  /** Whether the trace of a failure is printed. Default: where there is just one schedule. */
  readonly trace?: boolean;
}

/** See {@linkcode SimulationOptions.settings}. */
export type SimulationSettings = Omit<
  SystemOptions,
  "actors" | "broker" | "events" | "services" | "logLevel" | "partitions" | "instanceId"
>;

/** The layer with the services the actors' Effects require, for each process: asked for only where they require any. */
export type SimulationLayer<Services, World> = [Services] extends [never] ? OptionalSimulationLayer<World>
  : unknown extends Services ? OptionalSimulationLayer<World>
  : { readonly layer: (process: SimulatedProcess<World>) => Layer.Layer<Services, unknown> };

/** A layer that may be left out. */
export interface OptionalSimulationLayer<World> {
  /** Provides what the actors' Effects require. */
  readonly layer?: (process: SimulatedProcess<World>) => Layer.Layer<never, unknown>;
}
