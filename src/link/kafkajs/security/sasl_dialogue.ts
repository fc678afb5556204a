/**
 * A login over a connection: which mechanism, then its messages, then how long the session lasts.
 * Source: "SASL authentication sequence" of Apache Kafka's protocol guide; KIP-368.
 * @module
 */
import { Effect } from "effect";
import { writeHeader } from "../requests/codecs.ts";
import { type Login, SaslFault } from "./login.ts";
import type { Reader } from "../requests/reader.ts";
import type { SaslMechanism } from "./sasl.ts";
import { Writer } from "../requests/writer.ts";

/** A request of a login: its body, and how its answer is read. */
export interface SaslRequest<T> {
  /** For errors. */
  readonly name: string;
  /** The API's number. */
  readonly key: number;
  /** The version. */
  readonly version: number;
  /** Writes the body. */
  readonly write: (writer: Writer) => void;
  /** Reads the answer. */
  readonly read: (reader: Reader) => T;
}

/** Puts a request of a login on the wire and gives its answer. */
export type Ask<E> = <T>(request: SaslRequest<T>) => Effect.Effect<T, E>;

/** The number of SaslAuthenticate. */
export const saslAuthenticateKey = 36;
const saslHandshakeKey = 17;

/** Whether an API is a part of a login. */
export function isLogin(apiKey: number): boolean {
  return apiKey === saslHandshakeKey || apiKey === saslAuthenticateKey;
}

const unsupportedMechanism = 33;
const illegalState = 34;

/**
 * Logs in with what `login` says in turn. Answers how long the session lasts in ms, 0 for ever. What the broker asks is
 * bounded: a login that goes on and on is refused.
 */
export const converse: <E>(
  mechanism: SaslMechanism,
  login: Login,
  ask: Ask<E>,
) => Effect.Effect<number, E | SaslFault> = Effect.fnUntraced(function* (mechanism, login, ask) {
  const { errorCode, offered } = yield* ask(handshake(mechanism.name));
  if (errorCode === unsupportedMechanism) {
    return yield* fault(`the broker knows ${offered.join(", ") || "no mechanism"}, not ${mechanism.name}`);
  }
  if (errorCode === illegalState) return yield* fault("this listener of the broker asks for no login: leave sasl out");
  if (errorCode !== 0) return yield* fault(`${mechanism.name}: error ${errorCode} in answer to the handshake`);
  const how = `${mechanism.name} as ${login.who}`;
  let answer: Uint8Array = new Uint8Array(0);
  let lifetime = 0;
  for (let messages = 0; messages < longest; messages++) {
    const message = yield* Effect.tryPromise({
      try: async () => await login.next(answer),
      catch: (cause) => {
        const said = cause instanceof Error ? cause.message : String(cause);
        return new SaslFault(`${how}: ${hide(said, login.secrets)}`);
      },
    });
    if (message === null) return lifetime;
    const result = yield* ask(authenticate(message));
    if (result.errorCode !== 0) {
      const said = result.errorMessage ?? `error ${result.errorCode}`;
      return yield* fault(`${how}: ${hide(said, login.secrets)}`);
    }
    answer = result.bytes;
    lifetime = result.lifetime;
  }
  return yield* fault(`${how}: the broker does not come to an end`);
});

/** No mechanism has more messages. */
const longest = 8;

function handshake(name: string): SaslRequest<{ readonly errorCode: number; readonly offered: ReadonlyArray<string> }> {
  return {
    name: "SaslHandshake",
    key: saslHandshakeKey,
    version: 1,
    write: (writer) => writer.string(name),
    read: (reader) => ({ errorCode: reader.int16(), offered: reader.array(() => reader.string()) }),
  };
}

interface Authenticated {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly bytes: Uint8Array;
  readonly lifetime: number;
}

function authenticate(message: Uint8Array): SaslRequest<Authenticated> {
  return {
    name: "SaslAuthenticate",
    key: saslAuthenticateKey,
    version: 1,
    write: (writer) => writer.bytes(message),
    read: (reader) => ({
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
      bytes: reader.bytes(),
      lifetime: Math.max(0, reader.time()),
    }),
  };
}

/** The frame of a request. */
export function encodeSasl<T>(
  request: SaslRequest<T>,
  correlationId: number,
  clientId: string,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(256);
  writeHeader(writer, request.key, request.version, correlationId, clientId);
  request.write(writer);
  writer.patch(0, writer.length - 4);
  return writer.finish();
}

function fault(detail: string): Effect.Effect<never, SaslFault> {
  return Effect.fail(new SaslFault(detail));
}

/** One line, not too long, without what must not be seen. */
function hide(text: string, secrets: ReadonlyArray<string>): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text).replace(/\s+/g, " ").trim().slice(
    0,
    300,
  );
}
