/**
 * What the kafkajs link has to be told.
 * @module
 */
import { z } from "zod";
import { ConfigError } from "../../errors.ts";
import { parseOptions } from "../../options.ts";
import type { BrokerAddress } from "../link.ts";
import { type SaslMechanism, saslMechanism } from "./security/sasl.ts";
import { type SaslOptions, saslSchema, type TlsOptions } from "./security/security_options.ts";
import { type TlsSource, tlsSource } from "./security/tls.ts";

/** How to reach a Kafka. */
export interface KafkaLinkOptions {
  /** Bootstrap addresses, host:port each (port 9092 when left out); a string lists them with commas between. */
  readonly brokers: string | ReadonlyArray<string>;
  /** Named in the brokers' logs and quotas; default "troupe". */
  readonly clientId?: string;
  /** TLS; default off. True takes the system's authorities; a function is asked at each new connection. */
  readonly ssl?: boolean | TlsOptions | (() => TlsOptions | Promise<TlsOptions>);
  /** Who this client is; default nobody. */
  readonly sasl?: SaslOptions;
  /** For opening a connection with TLS, versions and authentication, in ms; default 10,000. */
  readonly connectionTimeout?: number;
  /** For the answer to a request, unless the call says otherwise, in ms; default 30,000. */
  readonly requestTimeout?: number;
}

/** The options with all defaults in place. Nothing secret is to be seen in it. */
export interface LinkSettings {
  readonly bootstrap: ReadonlyArray<BrokerAddress>;
  readonly clientId: string;
  readonly tls: TlsSource | null;
  readonly sasl: SaslMechanism | null;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
}

const milliseconds = z.number("expected a number of milliseconds").positive("expected more than 0 milliseconds")
  .max(2 ** 31 - 1, "expected at most 24 days");

/** What `linkSchema` has read. */
interface GivenOptions {
  readonly brokers?: unknown;
  readonly clientId: string;
  readonly ssl?: unknown;
  readonly sasl?: unknown;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
}

/** Each option's bounds and default; brokers, ssl and sasl are read by functions of their own. */
export const linkSchema: z.ZodType<GivenOptions> = z.strictObject({
  brokers: z.unknown(),
  clientId: z.string("expected a text").max(32_767, "expected at most 32,767 characters").default("troupe"),
  ssl: z.unknown().optional(),
  sasl: z.unknown().optional(),
  connectionTimeout: milliseconds.default(10_000),
  requestTimeout: milliseconds.default(30_000),
});

/** Fills in the defaults. Throws a ConfigError that names the option. */
export function linkSettings(options: KafkaLinkOptions): LinkSettings {
  const { brokers: _, ssl: __, sasl: ___, ...rest } = parseOptions(linkSchema, options, "");
  const { ssl = false, sasl } = options;
  return {
    ...rest,
    bootstrap: parseBrokers(options.brokers),
    tls: ssl === false ? null : tlsSource(ssl === true ? {} : ssl, rest.connectionTimeout),
    sasl: sasl === undefined ? null : saslMechanism(parseOptions(saslSchema, sasl, "sasl")),
  };
}

/** Reads a list of host:port. Throws a ConfigError of the field `brokers`. */
export function parseBrokers(brokers: string | ReadonlyArray<string>): ReadonlyArray<BrokerAddress> {
  const list = typeof brokers === "string" ? brokers.split(",") : brokers;
  if (!Array.isArray(list) || list.some((item) => typeof item !== "string")) {
    throw new ConfigError("brokers", "expected host:port, or a list of them");
  }
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
