/**
 * The Kafka that the environment names, with its TLS and its login: the same variables for every program.
 * @module
 */
import { Effect } from "effect";
import {
  type Broker,
  kafka,
  type KafkaLinkOptions,
  type Provided,
  type SaslOptions,
  type TlsOptions,
} from "./broker.ts";
import { ConfigError } from "./errors.ts";

/** The environment's variables by name; an empty one counts as unset. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The Kafka that the environment names.
 *
 * | variable                                               | what                                                                              |
 * | ------------------------------------------------------ | --------------------------------------------------------------------------------- |
 * | `KAFKA_BROKERS`                                        | host:port, several with commas; has to be set                                     |
 * | `KAFKA_SSL`                                            | true or false; default true where another `KAFKA_SSL_…` is set                    |
 * | `KAFKA_SSL_CA`                                         | authorities to trust in place of the system's: a file, or PEM text                |
 * | `KAFKA_SSL_CERT`, `KAFKA_SSL_KEY`                      | this client's certificate and private key: files, or PEM texts                    |
 * | `KAFKA_SSL_KEY_PASSPHRASE` or `…_FILE`                 | the private key's passphrase                                                      |
 * | `KAFKA_SASL_MECHANISM`                                 | PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; default no login              |
 * | `KAFKA_SASL_USERNAME`, `KAFKA_SASL_PASSWORD`           | for all but OAUTHBEARER; or `…_FILE`                                              |
 * | `KAFKA_SASL_TOKEN`                                     | for OAUTHBEARER; or `…_FILE`                                                      |
 *
 * Files are read again for each new connection and each login: what is renewed there is taken without a restart.
 * `options` are those of {@linkcode kafka}. Where a variable is wrong, whoever is given it fails with a
 * {@linkcode ConfigError} that names it.
 *
 * @example
 * ```ts
 * import { kafkaFromEnvironment } from "@troupe/troupe";
 *
 * const broker = kafkaFromEnvironment({ clientId: "shop" }, { KAFKA_BROKERS: "kafka-1:9093,kafka-2:9093", KAFKA_SSL: "true" });
 * console.log(broker.name); // kafka-1:9093,kafka-2:9093
 * ```
 */
export function kafkaFromEnvironment(
  options: Omit<KafkaLinkOptions, "brokers" | "ssl" | "sasl"> = {},
  variables?: Variables,
): Broker {
  try {
    return named(options, variables ?? ownVariables());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { kind: "broker", name: "kafka", wrong: error, open: Effect.fail(error) };
  }
}

function named(options: Omit<KafkaLinkOptions, "brokers" | "ssl" | "sasl">, variables: Variables): Broker {
  const read = new Reading(variables);
  const brokers = read.text("KAFKA_BROKERS");
  if (brokers === undefined) throw new ConfigError("KAFKA_BROKERS", "expected host:port of a Kafka, got nothing");
  const tls = secure(read);
  const sasl = login(read);
  // Once with what the files hold now, so that what is wrong is said before anything is started.
  const { wrong } = kafka({ ...options, brokers, ssl: tls === null ? false : tls(), sasl });
  if (wrong !== undefined) throw inVariables(wrong);
  return kafka({ ...options, brokers, ssl: tls ?? false, sasl });
}

const names = [
  "KAFKA_BROKERS",
  "KAFKA_SSL",
  "KAFKA_SSL_CA",
  "KAFKA_SSL_CERT",
  "KAFKA_SSL_KEY",
  "KAFKA_SSL_KEY_PASSPHRASE",
  "KAFKA_SSL_KEY_PASSPHRASE_FILE",
  "KAFKA_SASL_MECHANISM",
  "KAFKA_SASL_USERNAME",
  "KAFKA_SASL_USERNAME_FILE",
  "KAFKA_SASL_PASSWORD",
  "KAFKA_SASL_PASSWORD_FILE",
  "KAFKA_SASL_TOKEN",
  "KAFKA_SASL_TOKEN_FILE",
];

/** One by one: a program may be allowed to see these only. */
function ownVariables(): Variables {
  return Object.fromEntries(names.map((name) => {
    try {
      return [name, Deno.env.get(name)];
    } catch (cause) {
      throw new ConfigError(name, "may not be read: give the program --allow-env for it", { cause });
    }
  }));
}

/** TLS as it is to be now, or null where none is wanted. */
function secure(read: Reading): (() => TlsOptions) | null {
  const wanted = read.text("KAFKA_SSL");
  if (wanted !== undefined && !/^(true|false)$/i.test(wanted)) {
    throw new ConfigError("KAFKA_SSL", `expected true or false, got ${JSON.stringify(wanted.slice(0, 80))}`);
  }
  const [ca, cert, key] = ["KAFKA_SSL_CA", "KAFKA_SSL_CERT", "KAFKA_SSL_KEY"].map((name) => read.pem(name));
  const passphrase = read.secret("KAFKA_SSL_KEY_PASSPHRASE");
  const named = ca !== undefined || cert !== undefined || key !== undefined;
  if (wanted === undefined ? !named : wanted.toLowerCase() === "false") return null;
  return () => defined({ ca: ca?.(), cert: cert?.(), key: key?.(), passphrase: passphrase?.() });
}

const mechanisms = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";

function login(read: Reading): SaslOptions | undefined {
  const mechanism = read.text("KAFKA_SASL_MECHANISM")?.toLowerCase();
  const [username, password, token] = ["USERNAME", "PASSWORD", "TOKEN"].map((name) =>
    read.secret(`KAFKA_SASL_${name}`)
  );
  switch (mechanism) {
    case "plain":
    case "scram-sha-256":
    case "scram-sha-512":
      return {
        mechanism,
        username: needed("KAFKA_SASL_USERNAME", username),
        password: needed("KAFKA_SASL_PASSWORD", password),
      };
    case "oauthbearer":
      return { mechanism, token: needed("KAFKA_SASL_TOKEN", token) };
    case undefined:
      if (username === undefined && password === undefined && token === undefined) return undefined;
      throw new ConfigError("KAFKA_SASL_MECHANISM", `expected ${mechanisms}, as there is a login, got nothing`);
    default:
      throw new ConfigError(
        "KAFKA_SASL_MECHANISM",
        `expected ${mechanisms}, got ${JSON.stringify(mechanism.slice(0, 80))}`,
      );
  }
}

function needed<T extends Provided>(name: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new ConfigError(name, `expected a text for KAFKA_SASL_MECHANISM, or a file in ${name}_FILE; got nothing`);
}

/** Reads variables, and files that variables name. What is given as a function hides it from whoever prints an object. */
class Reading {
  constructor(readonly variables: Variables) {}

  text(name: string): string | undefined {
    return this.variables[name] || undefined;
  }

  /** PEM text, or the content of a file. */
  pem(name: string): (() => string) | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    // Where a variable can hold one line only, its line ends are written out.
    if (value.includes("-----BEGIN")) return () => value.replaceAll("\\n", "\n");
    return fileOf(name, value);
  }

  /** A text, or the first line of the file that `name_FILE` names. */
  secret(name: string): (() => string) | undefined {
    const [value, path] = [this.text(name), this.text(`${name}_FILE`)];
    if (value !== undefined && path !== undefined) throw new ConfigError(name, `is set, and ${name}_FILE as well`);
    if (path === undefined) return value === undefined ? undefined : () => value;
    const file = fileOf(`${name}_FILE`, path);
    const line = () => {
      const text = file().replace(/\r?\n[^]*$/, "");
      if (text === "") throw new ConfigError(`${name}_FILE`, `${path} is empty`);
      return text;
    };
    line(); // what is wrong with it is said now
    return line;
  }
}

function fileOf(name: string, path: string): () => string {
  return () => {
    try {
      return Deno.readTextFileSync(path);
    } catch (cause) {
      const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : "it can't be read";
      throw new ConfigError(name, `${path}: ${why}`, { cause });
    }
  };
}

/** The error in the words of the environment: `ssl.ca` is `KAFKA_SSL_CA`. */
function inVariables(error: ConfigError): ConfigError {
  const name = `KAFKA_${error.field.replace(".", "_").toUpperCase()}`.replace("SSL_PASSPHRASE", "SSL_KEY_PASSPHRASE");
  return names.includes(name) ? new ConfigError(name, error.detail, { cause: error.cause }) : error;
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
