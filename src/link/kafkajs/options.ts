/**
 * What the kafkajs link has to be told.
 * @module
 */
import { ConfigError } from "../../errors.ts";
import type { BrokerAddress } from "../link.ts";

/** TLS, as `node:tls` takes it: PEM texts. */
export interface TlsOptions {
  /** Authorities to trust in place of the system's. */
  readonly ca?: string | ReadonlyArray<string>;
  /** This client's certificate. */
  readonly cert?: string;
  /** Its private key. */
  readonly key?: string;
  /** The private key's passphrase. */
  readonly passphrase?: string;
  /** The name the broker's certificate has to carry; default the broker's host. */
  readonly servername?: string;
  /** False takes any certificate: for tests only. */
  readonly rejectUnauthorized?: boolean;
}

/** Who this client is to the brokers. */
export type SaslOptions =
  | {
    /** A password, plain (only over TLS) or by challenge and response. */
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  }
  | {
    /** A token. */
    readonly mechanism: "oauthbearer";
    /** Asked for a token at each new connection. */
    readonly oauthBearerProvider: () => Promise<{ readonly value: string }>;
  }
  | {
    /** AWS IAM. */
    readonly mechanism: "aws";
    readonly authorizationIdentity: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };

/** How to reach a Kafka. */
export interface KafkaLinkOptions {
  /** Bootstrap addresses, host:port each (port 9092 when left out); a string lists them with commas between. */
  readonly brokers: string | ReadonlyArray<string>;
  /** Named in the brokers' logs and quotas; default "troupe". */
  readonly clientId?: string;
  /** TLS; default off. True takes the system's authorities. */
  readonly ssl?: boolean | TlsOptions;
  /** Authentication; default none. */
  readonly sasl?: SaslOptions;
  /** For opening a connection with TLS, versions and authentication, in ms; default 10,000. */
  readonly connectionTimeout?: number;
  /** For the answer to a request, unless the call says otherwise, in ms; default 30,000. */
  readonly requestTimeout?: number;
}

/** The options with all defaults in place. */
export interface LinkSettings {
  readonly bootstrap: ReadonlyArray<BrokerAddress>;
  readonly clientId: string;
  readonly ssl: TlsOptions | null;
  readonly sasl: SaslOptions | null;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
}

/** Fills in the defaults. Throws a ConfigError that names the option. */
export function linkSettings(options: KafkaLinkOptions): LinkSettings {
  const { ssl = false } = options;
  return {
    bootstrap: parseBrokers(options.brokers),
    clientId: options.clientId ?? "troupe",
    ssl: ssl === true ? {} : ssl === false ? null : ssl,
    sasl: options.sasl ?? null,
    connectionTimeout: milliseconds("connectionTimeout", options.connectionTimeout ?? 10_000),
    requestTimeout: milliseconds("requestTimeout", options.requestTimeout ?? 30_000),
  };
}

/** Reads a list of host:port. Throws a ConfigError of the field `brokers`. */
export function parseBrokers(brokers: string | ReadonlyArray<string>): ReadonlyArray<BrokerAddress> {
  const list = typeof brokers === "string" ? brokers.split(",") : brokers;
  const addresses = list.map((text) => text.trim()).filter((text) => text !== "").map(parseBroker);
  if (addresses.length === 0) throw new ConfigError("brokers", "no broker given; expected host:port, comma-separated");
  return addresses;
}

function parseBroker(text: string): BrokerAddress {
  // A host, or an IPv6 address in brackets; then perhaps a port.
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? 9092);
  if (match === null || port < 1 || port > 65_535) {
    throw new ConfigError("brokers", `"${text}" is not host:port`);
  }
  return { nodeId: -1, host: match[1] ?? match[2], port };
}

function milliseconds(field: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0) throw new ConfigError(field, `${value} is not a number of milliseconds`);
  return value;
}
