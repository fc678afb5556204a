/**
 * The link to a real Kafka: kafkajs 2.2.4 for sockets, TLS and SASL; everything above them is ours.
 * @module
 */
import { Effect, type Scope } from "effect";
import { ConfigError } from "../../errors.ts";
import type { Link } from "../link.ts";
import { loadKafkajs } from "./internals.ts";
import { type KafkaLinkOptions, linkSettings } from "./options.ts";
import { WireConnection } from "./wire_connection.ts";

export type { KafkaLinkOptions, SaslOptions, TlsOptions } from "./options.ts";

/**
 * Makes the link; loads kafkajs, opens nothing yet. Fails with a ConfigError when an option is wrong or kafkajs can't be
 * loaded. The connections end with their own scopes, at the latest with this one.
 */
export function makeKafkajsLink(options: KafkaLinkOptions): Effect.Effect<Link, ConfigError, Scope.Scope> {
  return Effect.gen(function* () {
    const settings = yield* Effect.try({ try: () => linkSettings(options), catch: asConfigError });
    const make = yield* Effect.tryPromise({ try: loadKafkajs, catch: asConfigError });
    const living = new Set<WireConnection>();
    yield* Effect.addFinalizer(() => Effect.forEach(living, (connection) => connection.close, { discard: true }));
    const link: Link = {
      name: settings.bootstrap.map(({ host, port }) => `${host}:${port}`).join(","),
      bootstrap: settings.bootstrap,
      connect: (address, role) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            // A new object for each life: kafkajs' own reconnects with half an answer in its buffer.
            const connection = new WireConnection(address, settings, make);
            living.add(connection);
            return connection;
          }),
          (connection) => Effect.andThen(connection.close, Effect.sync(() => living.delete(connection))),
        ).pipe(Effect.tap((connection) => connection.open(role))),
    };
    return link;
  });
}

function asConfigError(cause: unknown): ConfigError {
  if (cause instanceof ConfigError) return cause;
  return new ConfigError("kafkajs", `can't be loaded: ${cause instanceof Error ? cause.message : cause}`, { cause });
}
