/**
 * Who this client is to the brokers, and how it knows that they are the right ones.
 * @module
 */
import { z } from "zod";

/**
 * TLS, as `node:tls` takes it: PEM texts. Given as a function it is asked for at each new connection, so that a
 * certificate can be renewed while the program runs.
 */
export interface TlsOptions {
  /** Authorities to trust in place of the system's. */
  readonly ca?: string | ReadonlyArray<string>;
  /** This client's certificate, with the authorities between it and the one the brokers trust. Needs `key`. */
  readonly cert?: string;
  /** Its private key. Needs `cert`. */
  readonly key?: string;
  /** The private key's passphrase; default none. */
  readonly passphrase?: string;
  /** The name the brokers' certificates have to carry; default the host each is connected to by. */
  readonly servername?: string;
  /** False takes any certificate, and so anybody, for a broker: for tests only. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** A text, or where to get it: a function is asked at each new login, so that the text can change while the program runs. */
export type Provided = string | (() => string | Promise<string>);

/** A token for OAUTHBEARER. */
export interface OAuthToken {
  /** What is sent. */
  readonly value: string;
  /** When it runs out, in ms since 1970; default what a JWT itself says. Where that is not known, each login asks for one. */
  readonly expiresAt?: number;
}

/** A user and a password. */
export interface SaslPassword {
  /** The password as it is (only over TLS), or by challenge and response, which shows it to nobody. */
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  /** The user. */
  readonly username: Provided;
  /** The password. */
  readonly password: Provided;
}

/** A token. */
export interface SaslToken {
  /** A token (RFC 7628). */
  readonly mechanism: "oauthbearer";
  /**
   * Gives a token. Asked at a login once half of the last token's life is over, and by all connections together. While it
   * fails, the last token goes on being used as long as it is valid.
   */
  readonly token: () => string | OAuthToken | Promise<string | OAuthToken>;
  /** Further names and values that the brokers want to hear, such as `logicalCluster`; default none. */
  readonly extensions?: Readonly<Record<string, string>>;
}

/** Who this client is to the brokers. */
export type SaslOptions = SaslPassword | SaslToken;

/** The mechanisms, in Kafka's own writing. */
export const mechanisms = {
  "plain": "PLAIN",
  "scram-sha-256": "SCRAM-SHA-256",
  "scram-sha-512": "SCRAM-SHA-512",
  "oauthbearer": "OAUTHBEARER",
} as const;

type Mechanism = keyof typeof mechanisms;
const known = Object.keys(mechanisms) as ReadonlyArray<string>;

// No message here repeats a value: it may be a secret.
const text = (what: string) => z.string(`expected ${what}`).min(1, `expected ${what}`);
const pem = (what: string, label: string) =>
  text(what).refine((value) => new RegExp(`-----BEGIN ${label}-----`).test(value), `expected ${what}`);
const certificate = pem("a certificate as PEM text (-----BEGIN CERTIFICATE-----)", "CERTIFICATE");
const called = (what: string) => z.custom<() => never>((value) => typeof value === "function", `expected ${what}`);
const provided = (what: string) =>
  z.custom<Provided>(
    (value) => (typeof value === "string" && value !== "") || typeof value === "function",
    `expected ${what}, or a function that gives it`,
  );

/** What is read of {@linkcode TlsOptions}. */
export const tlsSchema: z.ZodType<TlsOptions> = z.strictObject({
  ca: z.union([certificate, z.array(certificate).min(1)], "expected certificates as PEM texts").optional(),
  cert: certificate.optional(),
  key: pem("a private key as PEM text (-----BEGIN PRIVATE KEY-----)", "[A-Z ]*PRIVATE KEY").optional(),
  passphrase: text("a passphrase").optional(),
  servername: text("a host name").optional(),
  rejectUnauthorized: z.boolean("expected true or false").optional(),
}, "expected true, false, or an object of ca, cert, key, …")
  .refine(({ cert, key }) => cert === undefined || key !== undefined, {
    path: ["key"],
    message: "expected the private key of cert",
  })
  .refine(({ cert, key }) => key === undefined || cert !== undefined, {
    path: ["cert"],
    message: "expected the certificate of key",
  });

const password = z.strictObject({
  mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
  username: provided("a user name"),
  password: provided("a password"),
});

const token = z.strictObject({
  mechanism: z.literal("oauthbearer"),
  token: called("a function that gives a token"),
  extensions: z.record(
    z.string().regex(/^[A-Za-z]+$/, "expected a name of letters"),
    z.string("expected a text").regex(/^[\x20-\x7e\t\r\n]*$/, "expected printable ASCII"),
    "expected names and texts",
  ).refine((extensions) => !("auth" in extensions), "the name auth is taken by the token itself").optional(),
});

/** What is read of {@linkcode SaslOptions}; Kafka's own writing of a mechanism is taken as well. */
export const saslSchema: z.ZodType<SaslOptions> = z.preprocess((value) => {
  if (typeof value !== "object" || value === null || !("mechanism" in value)) return value;
  return { ...value, mechanism: typeof value.mechanism === "string" ? value.mechanism.toLowerCase() : value.mechanism };
}, z.discriminatedUnion("mechanism", [password, token], `expected a mechanism: ${known.join(", ")}`));

/** Whether a word is a mechanism. */
export function isMechanism(word: string): word is Mechanism {
  return known.includes(word);
}
