/**
 * What a system is given: actors, a broker, settings, services and a layer.
 * @module
 */
import { Effect, type Layer, type Scope } from "effect";
import type { ActorDefinition } from "./actor.ts";
import type { ActorSystem } from "./actor_system.ts";
import type { Broker } from "./broker.ts";
import { ConfigError } from "./errors.ts";
import type { EventDefinition } from "./event.ts";
import type { LogLevel } from "./logger.ts";
import type { SystemSettingsInput } from "./runtime/settings.ts";

/** Something that lives as long as its system: acquired before the system is ready, released after it has drained. */
export type SystemService =
  | void
  | Disposable
  | AsyncDisposable
  | PromiseLike<void | Disposable | AsyncDisposable>
  | Effect.Effect<unknown, unknown, Scope.Scope>;

/** What a system is made of. */
export interface SystemOptions<Actors extends ReadonlyArray<ActorDefinition> = ReadonlyArray<ActorDefinition>>
  extends SystemSettingsInput {
  /** The actors; none for a program that only publishes. */
  readonly actors: Actors;
  /** The Kafka to work on: {@linkcode kafka} or {@linkcode embedded}. */
  readonly broker: Broker;
  /**
   * Events that are only published from outside of actors: their topics are created as well. A record for a topic that is
   * not there waits for it.
   */
  readonly events?: ReadonlyArray<EventDefinition>;
  /** Servers and other resources of the system's lifetime, acquired in order, released in reverse. */
  readonly services?: ReadonlyArray<(system: ActorSystem) => SystemService>;
  /** From which severity on log lines are written. Default "info". */
  readonly logLevel?: LogLevel;
}

/**
 * The layer with the services the actors' Effects require: asked for only where they require any. A list declared as
 * `ActorDefinition[]` has forgotten which, so that the layer is up to you.
 */
export type LayerOption<Services> = [Services] extends [never] ? OptionalLayer
  : unknown extends Services ? OptionalLayer
  : { readonly layer: Layer.Layer<Services, unknown> };

/** A layer that may be left out. */
export interface OptionalLayer {
  /** Provides what the actors' Effects require. */
  readonly layer?: Layer.Layer<never, unknown>;
}

const levels: ReadonlyArray<LogLevel> = ["debug", "info", "warn", "error", "none"];

/** The level, with its default. Throws a {@linkcode ConfigError}. */
export function checkLogLevel(level: LogLevel = "info"): LogLevel {
  if (levels.includes(level)) return level;
  throw new ConfigError("logLevel", `expected one of ${levels.join(", ")}, got ${JSON.stringify(level)}`);
}

const names: Readonly<Record<keyof SystemOptions | "layer", true>> = {
  actors: true,
  assignors: true,
  broker: true,
  cluster: true,
  commitInterval: true,
  drainTimeout: true,
  events: true,
  fetch: true,
  groupProtocol: true,
  heartbeatInterval: true,
  instanceId: true,
  layer: true,
  logLevel: true,
  partitions: true,
  producer: true,
  rebalanceTimeout: true,
  replicationFactor: true,
  services: true,
  sessionTimeout: true,
  watchdog: true,
};

/** Throws a {@linkcode ConfigError} for a name with a slip in it: it would leave a default in place, unseen. */
export function checkNames(options: object): void {
  const stray = Object.keys(options).find((name) => !(name in names));
  if (stray !== undefined) throw new ConfigError(stray, `no such option; there are ${Object.keys(names).join(", ")}`);
}

/** Checks what types can't keep a JavaScript program from. */
export function checkOptions(options: Omit<SystemOptions, "logLevel">): Effect.Effect<void, ConfigError> {
  const { actors, broker } = options as Partial<SystemOptions>;
  if (!Array.isArray(actors) || actors.some((actor) => actor?.kind !== "actor")) {
    return Effect.fail(new ConfigError("actors", "expected a list of actors, each made by actor(…)"));
  }
  if (broker?.kind !== "broker") {
    return Effect.fail(new ConfigError("broker", "expected kafka({ brokers }) or embedded()"));
  }
  return Effect.void;
}
