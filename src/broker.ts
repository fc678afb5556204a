/**
 * Which Kafka a system works on.
 * @module
 */
import { Effect, type Scope } from "effect";
import { ConfigError } from "./errors.ts";
import { EmbeddedKafka, type EmbeddedOptions } from "./link/embedded/embedded.ts";
import { makeKafkajsLink } from "./link/kafkajs/kafkajs.ts";
import { type KafkaLinkOptions, linkSettings } from "./link/kafkajs/options.ts";
import type {
  OAuthToken,
  Provided,
  SaslOptions,
  SaslPassword,
  SaslToken,
  TlsOptions,
} from "./link/kafkajs/security/security_options.ts";
import type { Link } from "./link/link.ts";

export type {
  EmbeddedOptions,
  KafkaLinkOptions,
  OAuthToken,
  Provided,
  SaslOptions,
  SaslPassword,
  SaslToken,
  TlsOptions,
};

/** A Kafka that a system can be given; made by {@linkcode kafka} or {@linkcode embedded}. */
export interface Broker {
  /** Tells it apart. */
  readonly kind: "broker";
  /** For logs: "embedded", or the bootstrap addresses. */
  readonly name: string;
  /** What is wrong with its options, if something is: whoever is given it fails with that. */
  readonly wrong?: ConfigError;
  /**
   * Gives a link to it that ends with the scope: for the system.
   * @internal
   */
  readonly open: Effect.Effect<Link, ConfigError, Scope.Scope>;
}

/**
 * A real Kafka, 3.0 or newer.
 *
 * Nothing is opened before a system starts, and a Kafka that does not answer then is waited for. Where an option is wrong,
 * whoever is given it fails with a {@linkcode ConfigError}: `ActorSystem.run` says so in one line and exits with 78.
 *
 * @example
 * ```ts
 * import { kafka } from "@troupe/troupe";
 *
 * const broker = kafka({ brokers: "127.0.0.1:9092" });
 * console.log(broker.name); // 127.0.0.1:9092
 * ```
 */
export function kafka(options: KafkaLinkOptions): Broker {
  try {
    const { bootstrap } = linkSettings(options);
    return {
      kind: "broker",
      name: bootstrap.map(({ host, port }) => `${host}:${port}`).join(","),
      open: makeKafkajsLink(options),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { kind: "broker", name: "kafka", wrong: error, open: Effect.fail(error) };
  }
}

/**
 * A Kafka inside this process, for development and tests: nothing to install. Systems that are given the same value work on
 * the same Kafka; with `file` what was published outlives the process.
 *
 * @example
 * ```ts
 * import { embedded } from "@troupe/troupe";
 *
 * const broker = embedded();
 * console.log(broker.name); // embedded
 * ```
 */
export function embedded(options: EmbeddedOptions = {}): Broker {
  const { open } = new EmbeddedKafka(options);
  return { kind: "broker", name: "embedded", open };
}
