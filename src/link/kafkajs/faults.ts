/**
 * Turns what a socket or kafkajs throws into one line that says at which point a connection failed.
 * @module
 */
import { ConnectionError } from "../../errors.ts";
import { Malformed } from "./reader.ts";
import type { LinkSettings } from "./options.ts";

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

/** The error of an opening that failed in `phase`. */
export function openingFault(broker: string, phase: Phase, cause: unknown, settings: LinkSettings): ConnectionError {
  if (cause instanceof ConnectionError) return cause;
  const text = oneLine(cause, settings);
  if (cause instanceof Malformed || cause instanceof RangeError) {
    return new ConnectionError(broker, "malformed", text, { cause });
  }
  const code = codeOf(cause);
  if (phase === "authenticating") {
    return broken.includes(code)
      ? new ConnectionError(
        broker,
        "authentication",
        "the broker closed the connection while it was to authenticate us",
      )
      : new ConnectionError(broker, "authentication", text);
  }
  if (code === "ETIMEDOUT") return new ConnectionError(broker, "timeout", text, { cause });
  if (unreachable.includes(code)) return new ConnectionError(broker, "refused", text, { cause });
  if (settings.ssl !== null) return new ConnectionError(broker, "authentication", `TLS: ${text}`);
  return new ConnectionError(broker, broken.includes(code) ? "closed" : "refused", text, { cause });
}

/** The error of an answer that begins with an impossible length. */
export function lengthFault(broker: string, length: number, settings: LinkSettings): ConnectionError {
  const first = length >>> 24;
  const hint = first === 0x15 && settings.ssl === null
    ? "; it speaks TLS (see ssl)"
    : first >= 0x20 && first < 0x7f
    ? `; it begins with "${printable(length)}", so this is no Kafka`
    : "";
  return new ConnectionError(broker, "malformed", `an answer of ${length} bytes was announced${hint}`);
}

function printable(length: number): string {
  const codes = [length >>> 24, length >>> 16 & 0xff, length >>> 8 & 0xff, length & 0xff];
  return String.fromCharCode(...codes).replace(/[^ -~]/g, ".");
}

function codeOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return "";
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  if ("cause" in cause && cause.cause !== undefined) return codeOf(cause.cause);
  return "name" in cause && typeof cause.name === "string" ? cause.name : "";
}

/** The message on one line, with nothing secret in it. */
function oneLine(cause: unknown, settings: LinkSettings): string {
  let text = cause instanceof Error ? cause.message : String(cause);
  const { sasl } = settings;
  if (sasl !== null && "password" in sasl && sasl.password !== "") text = text.replaceAll(sasl.password, "***");
  if (sasl !== null && "secretAccessKey" in sasl) text = text.replaceAll(sasl.secretAccessKey, "***");
  return text.replace(/^Connection error: /, "").replace(/\s+/g, " ").trim();
}
