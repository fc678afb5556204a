/**
 * What a codec is: one API in one version, written and read.
 * @module
 */
import type { Answer, ApiName, Request } from "../../protocol.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** One API in one of the versions this client speaks. */
export interface Codec<A extends ApiName> {
  /** The API's number. */
  readonly key: number;
  /** The version. */
  readonly version: number;
  /** Since this version the API has compact types and tagged fields, in the headers too. */
  readonly flexible?: boolean;
  /** Whether this version can say what `request` asks; default: it can. */
  readonly fits?: (request: Request<A>) => boolean;
  /** About how many bytes the request takes. */
  readonly size?: (request: Request<A>) => number;
  /** Writes the request's body. */
  readonly write: (writer: Writer, request: Request<A>) => void;
  /** Reads the body of the answer to `request`. */
  readonly read: (reader: Reader, request: Request<A>) => Answer<A>;
  /** The answer where the broker sends none, or undefined where it does. */
  readonly unanswered?: (request: Request<A>) => Answer<A> | undefined;
}
