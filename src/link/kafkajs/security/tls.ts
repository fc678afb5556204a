/**
 * What TLS is set up with: checked before it is used, as a socket's own errors don't say which option is wrong.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Effect } from "effect";
import { ConfigError } from "../../../errors.ts";
import { parseOptions } from "../../../options.ts";
import { type TlsOptions, tlsSchema } from "./security_options.ts";

/** Gives the options for a new connection. In an Effect, so that no look at the settings shows the key. */
export type TlsSource = Effect.Effect<TlsOptions, ConfigError>;

/**
 * The source of these options; a function has `patience` milliseconds to give them. Throws a ConfigError where they are
 * given as they are, and wrong.
 */
export function tlsSource(options: TlsOptions | (() => TlsOptions | Promise<TlsOptions>), patience: number): TlsSource {
  if (typeof options !== "function") {
    const checked = checkTls(options);
    return Effect.sync(() => checked);
  }
  const given = Effect.tryPromise({
    try: async () => checkTls(await options()),
    catch: (cause) => {
      if (cause instanceof ConfigError) return cause;
      const said = (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ");
      return new ConfigError("ssl", `can't be had: ${said}`, { cause });
    },
  });
  const late = Effect.suspend(() => Effect.fail(new ConfigError("ssl", `nothing was given within ${patience} ms`)));
  return Effect.timeoutOrElse(given, { duration: patience, orElse: () => late });
}

/** Throws a ConfigError that names the option, and repeats nothing of it. */
function checkTls(value: TlsOptions): TlsOptions {
  const options = parseOptions(tlsSchema, value, "ssl");
  const { ca, cert, key, passphrase } = options;
  for (const text of typeof ca === "string" ? [ca] : ca ?? []) readCertificate("ssl.ca", text);
  if (cert === undefined || key === undefined) return options;
  const certificate = readCertificate("ssl.cert", cert);
  let own: ReturnType<typeof createPrivateKey>;
  try {
    own = createPrivateKey({ key, passphrase });
  } catch {
    throw new ConfigError(
      "ssl.key",
      "no private key can be read from it: it is damaged, or encrypted and ssl.passphrase is wrong",
    );
  }
  if (!certificate.checkPrivateKey(own)) throw new ConfigError("ssl.key", "is not the private key of ssl.cert");
  return options;
}

function readCertificate(field: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new ConfigError(field, "no certificate can be read from it");
  }
}
