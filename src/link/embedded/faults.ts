/**
 * Faults to order: what a test or a simulation lets happen to a request.
 * @module
 */
import type { Role } from "../link.ts";
import type { ApiName } from "../protocol.ts";

/** The connection ends and the request is not applied. */
export interface Refuse {
  /** Tells the faults apart. */
  readonly _tag: "Refuse";
}

/** The request is applied, and its answer lost: the connection ends when it would have come. */
export interface LoseAnswer {
  /** Tells the faults apart. */
  readonly _tag: "LoseAnswer";
}

/** The request waits before it is applied; what was called after it on its connection waits, too. */
export interface Delay {
  /** Tells the faults apart. */
  readonly _tag: "Delay";
  /** Milliseconds. */
  readonly ms: number;
}

/** The request is applied, and its answer takes a while; the answers behind it come after it. */
export interface Late {
  /** Tells the faults apart. */
  readonly _tag: "Late";
  /** Milliseconds. */
  readonly ms: number;
}

/** The request is not applied and answered with this error; where an API has a code per partition, in every one. */
export interface ErrorAnswer {
  /** Tells the faults apart. */
  readonly _tag: "ErrorAnswer";
  /** Kafka's code; see `ErrorCode`. */
  readonly code: number;
}

/** The request is neither applied nor ever answered, and blocks its connection until the caller's time-out. */
export interface Never {
  /** Tells the faults apart. */
  readonly _tag: "Never";
}

/** What may happen to a request. */
export type Fault = Refuse | LoseAnswer | Delay | Late | ErrorAnswer | Never;

/** A request that is about to be applied. */
export interface Intercepted {
  /** Which API. */
  readonly api: ApiName;
  /** The request itself. */
  readonly request: unknown;
  /** The connection's number, from 1 in the order of opening. */
  readonly connection: number;
  /** What the connection is for. */
  readonly role: Role;
}

/** Decides what happens to a request; null: nothing unusual. Asked once per request, in the order of application. */
export type Intercept = (request: Intercepted) => Fault | null;

/** See {@linkcode Refuse}. */
export const refuse: Fault = Object.freeze({ _tag: "Refuse" });
/** See {@linkcode LoseAnswer}. */
export const loseAnswer: Fault = Object.freeze({ _tag: "LoseAnswer" });
/** See {@linkcode Never}. */
export const never: Fault = Object.freeze({ _tag: "Never" });

/** See {@linkcode Delay}; `ms` milliseconds. */
export function delay(ms: number): Fault {
  return Object.freeze({ _tag: "Delay", ms });
}

/** See {@linkcode Late}; `ms` milliseconds. */
export function late(ms: number): Fault {
  return Object.freeze({ _tag: "Late", ms });
}

/** See {@linkcode ErrorAnswer}; `code` is Kafka's. */
export function error(code: number): Fault {
  return Object.freeze({ _tag: "ErrorAnswer", code });
}
