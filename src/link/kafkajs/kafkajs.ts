/**
 * The link to a real Kafka: kafkajs 2.2.4 for sockets and framing; everything above them, logins included, is ours.
 * @module
 */
import { Effect, type Scope } from "effect";
import { ConfigError, ConnectionError } from "../../errors.ts";
import type { BrokerAddress, Link, Role } from "../link.ts";
import { type ConnectionFactory, loadKafkajs } from "./internals.ts";
import { type KafkaLinkOptions, type LinkSettings, linkSettings } from "./options.ts";
import type { TlsOptions } from "./security/security_options.ts";
import { explainTls } from "./security/tls_diagnosis.ts";
import { WireConnection } from "./wire_connection.ts";

export type { KafkaLinkOptions } from "./options.ts";

/**
 * Makes the link; loads kafkajs, opens nothing yet. Fails with a ConfigError when an option is wrong or kafkajs can't be
 * loaded. The connections end with their own scopes, at the latest with this one.
 */
export function makeKafkajsLink(options: KafkaLinkOptions): Effect.Effect<Link, ConfigError, Scope.Scope> {
  return Effect.gen(function* () {
    const settings = yield* Effect.try({ try: () => linkSettings(options), catch: asConfigError });
    if (settings.tls !== null) yield* settings.tls; // what is wrong with it is said now
    if (bareSecret(settings)) {
      yield* Effect.logWarning(
        `${settings.sasl?.name} without TLS shows the secret to whoever listens on the way (see ssl)`,
      );
    }
    const make = yield* Effect.tryPromise({ try: loadKafkajs, catch: asConfigError });
    const living = new Set<WireConnection>();
    yield* Effect.addFinalizer(() => Effect.forEach(living, (connection) => connection.close, { discard: true }));
    const link: Link = {
      name: settings.bootstrap.map(({ host, port }) => `${host}:${port}`).join(","),
      bootstrap: settings.bootstrap,
      connect: (address, role) =>
        Effect.flatMap(tlsFor(settings, address), (tls) => open(address, role, settings, tls, make, living)),
    };
    return link;
  });
}

/** Opens a connection that stays logged in until its scope ends. */
function open(
  address: BrokerAddress,
  role: Role,
  settings: LinkSettings,
  tls: TlsOptions | null,
  make: ConnectionFactory,
  living: Set<WireConnection>,
): Effect.Effect<WireConnection, ConnectionError, Scope.Scope> {
  return Effect.acquireRelease(
    Effect.sync(() => {
      // A new object for each life: kafkajs' own reconnects with half an answer in its buffer.
      const connection = new WireConnection(address, settings, tls, make);
      living.add(connection);
      return connection;
    }),
    (connection) => Effect.andThen(connection.close, Effect.sync(() => living.delete(connection))),
  ).pipe(
    Effect.tap((connection) =>
      Effect.catch(connection.open(role), (fault) =>
        Effect.flatMap(
          Effect.andThen(connection.close, tls === null ? Effect.succeed(fault) : explainTls(fault, address, tls)),
          Effect.fail,
        ))
    ),
    Effect.tap((connection) => settings.sasl === null ? Effect.void : Effect.forkScoped(connection.stayLoggedIn)),
  );
}

/** What TLS is set up with now. A file that was there at the start may be gone. */
function tlsFor(
  { tls }: LinkSettings,
  { host, port }: BrokerAddress,
): Effect.Effect<TlsOptions | null, ConnectionError> {
  if (tls === null) return Effect.succeed(null);
  return Effect.mapError(
    tls,
    (cause) => new ConnectionError(`${host}:${port}`, "tls", cause.message, { cause }),
  );
}

/** Whether a password or a token goes over a wire as it is. */
function bareSecret({ sasl, tls, bootstrap }: LinkSettings): boolean {
  if (sasl === null || tls !== null || sasl.name.startsWith("SCRAM")) return false;
  return bootstrap.some(({ host }) => !/^(localhost|127\.[\d.]+|::1)$/.test(host));
}

function asConfigError(cause: unknown): ConfigError {
  if (cause instanceof ConfigError) return cause;
  return new ConfigError("kafkajs", `can't be loaded: ${cause instanceof Error ? cause.message : cause}`, { cause });
}
