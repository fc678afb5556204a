/**
 * Turns what a socket or kafkajs throws into one line that says at which point a connection failed.
 * @module
 */
import { ConnectionError } from "../../errors.ts";
import { SaslFault } from "./security/login.ts";
import { Malformed } from "./requests/reader.ts";

/** How far the opening of a connection had come. */
export type Phase = "connecting" | "versions" | "authenticating";

const unreachable = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "EACCES",
  "NotCapable",
];
const broken = ["ECONNRESET", "EPIPE", "ECONNABORTED"];

/** The error of an opening that failed in `phase`; `secure` says whether TLS was wanted. */
export function openingFault(broker: string, phase: Phase, cause: unknown, secure: boolean): ConnectionError {
  if (cause instanceof ConnectionError) return cause;
  const text = oneLine(cause);
  if (cause instanceof SaslFault) return new ConnectionError(broker, "authentication", text, { cause });
  if (cause instanceof Malformed || cause instanceof RangeError) {
    return new ConnectionError(broker, "malformed", text, { cause });
  }
  const code = codeOf(cause);
  if (code === "ETIMEDOUT") return new ConnectionError(broker, "timeout", text, { cause });
  if (unreachable.includes(code)) return new ConnectionError(broker, "refused", text, { cause });
  if (broken.includes(code)) return new ConnectionError(broker, "closed", `${text}${hints[phase](secure)}`, { cause });
  if (secure && (phase === "connecting" || /^ERR_(SSL|TLS)_/.test(code))) {
    return new ConnectionError(broker, "tls", tlsText(code, text), { cause });
  }
  return new ConnectionError(broker, "refused", text, { cause });
}

/** What a broker that just hangs up may mean by it. */
const hints: Readonly<Record<Phase, (secure: boolean) => string>> = {
  connecting: () => "",
  versions: (secure) => secure ? "" : " when asked for its versions; does it want TLS (see ssl)?",
  authenticating: () => " in the midst of the login",
};

function tlsText(code: string, text: string): string {
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return `this port does not speak TLS (see ssl): ${text}`;
  if (/ALERT_(BAD_CERTIFICATE|CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)$/.test(code)) {
    return `the broker wants another certificate of this client, or one at all (see ssl.cert and ssl.key): ${text}`;
  }
  if (/ALERT_(CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/.test(code)) {
    return `the broker does not accept this client's certificate (see ssl.cert): ${text}`;
  }
  return text;
}

/** The error of an answer that begins with an impossible length. */
export function lengthFault(broker: string, length: number, secure: boolean): ConnectionError {
  const first = length >>> 24;
  if (first === 0x15 && !secure) return new ConnectionError(broker, "tls", "this port speaks TLS (see ssl)");
  const hint = first >= 0x20 && first < 0x7f ? `; it begins with "${printable(length)}", so this is no Kafka` : "";
  return new ConnectionError(broker, "malformed", `an answer of ${length} bytes was announced${hint}`);
}

function printable(length: number): string {
  const codes = [length >>> 24, length >>> 16 & 0xff, length >>> 8 & 0xff, length & 0xff];
  return String.fromCharCode(...codes).replace(/[^ -~]/g, ".");
}

/** The code of a socket's error. */
export function codeOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return "";
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  if ("cause" in cause && cause.cause !== undefined) return codeOf(cause.cause);
  return "name" in cause && typeof cause.name === "string" ? cause.name : "";
}

/** The message on one line. */
function oneLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/^Connection error: /, "").replace(/\s+/g, " ").trim();
}
