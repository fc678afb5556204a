/**
 * Finds out why TLS failed where a socket's own error does not say: by a second look at the same port.
 * @module
 */
import { Clock, Effect } from "effect";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ConnectionError } from "../../../errors.ts";
import type { BrokerAddress } from "../../link.ts";
import { encodeApiVersions } from "../requests/codecs.ts";
import { codeOf } from "../faults.ts";
import type { TlsOptions } from "./security_options.ts";
import { openSocket } from "../socket.ts";

/** How long the second look may take, in ms. */
const patience = 2_000;

/** The fault, in better words where they can be found. */
export function explainTls(
  fault: ConnectionError,
  address: BrokerAddress,
  tls: TlsOptions,
): Effect.Effect<ConnectionError> {
  if (fault.reason === "tls" && /^(UNABLE_|CERT_|SELF_SIGNED|DEPTH_ZERO)/.test(codeOf(fault.cause))) {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.map(certificateOf(address, tls), (certificate) => {
        if (certificate === null) return fault;
        return new ConnectionError(fault.broker, "tls", untrusted(certificate, now), { cause: fault.cause });
      }));
  }
  if (fault.reason !== "closed") return Effect.succeed(fault);
  return Effect.map(speaksPlainly(address), (plainly) => {
    if (!plainly) return fault;
    return new ConnectionError(fault.broker, "tls", "this port speaks Kafka without TLS (see ssl)", {
      cause: fault.cause,
    });
  });
}

type Certificate = ReturnType<TLSSocket["getPeerCertificate"]>;

function untrusted({ subject, issuer, valid_from, valid_to }: Certificate, now: number): string {
  if (Date.parse(valid_to) < now) return `the broker's certificate ran out on ${valid_to}`;
  if (Date.parse(valid_from) > now) return `the broker's certificate is not valid before ${valid_from}`;
  // Quoted as JSON: whoever listens there may have put anything into it.
  const names = `${JSON.stringify(subject?.CN ?? "?")}, issued by ${JSON.stringify(issuer?.CN ?? "?")}`;
  return `the broker's certificate (${names}) comes from no authority that is trusted (see ssl.ca)`;
}

/** The certificate whoever listens there shows; nothing is sent to it. */
function certificateOf(address: BrokerAddress, tls: TlsOptions): Effect.Effect<Certificate | null> {
  const taken = { ...tls, rejectUnauthorized: false };
  return look(address, taken, (socket, tell) => {
    const certificate = (socket as TLSSocket).getPeerCertificate();
    tell(certificate?.valid_to === undefined ? null : certificate);
  });
}

/** Whether a Kafka without TLS listens there: it answers to ApiVersions by the same correlation id. */
function speaksPlainly(address: BrokerAddress): Effect.Effect<boolean> {
  const spoken = look<boolean>(address, null, (socket, tell) => {
    socket.once("data", (chunk) => tell(chunk.length >= 8 && chunk.readInt32BE(4) === correlationId));
    socket.write(encodeApiVersions(correlationId, ""));
  });
  return Effect.map(spoken, (answer) => answer === true);
}

const correlationId = 0x5eed;

/** Opens a socket, lets `ask` find something out, closes it. Null where nothing was found. */
function look<T>(
  { host, port }: BrokerAddress,
  tls: TlsOptions | null,
  ask: (socket: Socket, tell: (found: T | null) => void) => void,
): Effect.Effect<T | null> {
  const looked = Effect.callback<T | null>((resume) => {
    let found: T | null = null;
    const tell = (value: T | null) => {
      found = value;
      socket.destroy();
    };
    const socket: Socket = openSocket({ host, port, onConnect: () => ask(socket, tell) }, tls);
    socket.on("error", () => {}).once("end", () => socket.destroy()).once("close", () => resume(Effect.succeed(found)));
    return Effect.sync(() => socket.destroy());
  });
  return Effect.map(Effect.timeoutOption(looked, patience), (answer) => answer._tag === "Some" ? answer.value : null);
}
