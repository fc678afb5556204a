/**
 * Answers of a real Kafka, recorded as they came off the wire (`record.ts`), and the requests they answer.
 * @module
 */
import { deflateSync, inflateSync } from "node:zlib";
import type { Codec } from "../../src/link/kafkajs/requests/codec.ts";
import { answerReader, codecs, decodeApiVersions } from "../../src/link/kafkajs/requests/codecs.ts";
import { Malformed } from "../../src/link/kafkajs/requests/reader.ts";
import type { ApiName, Request } from "../../src/link/protocol.ts";

/** One answer. */
export interface RecordedAnswer {
  readonly api: ApiName | "ApiVersions";
  readonly version: number;
  /** What is in it. */
  readonly name: string;
  /** Only Fetch's has to be known to read the answer; null for the others. */
  readonly request: Request<ApiName> | null;
  /** What follows the correlation id. */
  readonly payload: Uint8Array;
}

function codecOf(api: ApiName, version: number): Codec<ApiName> | undefined {
  return (codecs[api] as ReadonlyArray<unknown> as ReadonlyArray<Codec<ApiName>>)
    .find((codec) => codec.version === version);
}

/** Reads an answer as a connection does. Throws Malformed. */
export function readAnswer({ api, version, request }: RecordedAnswer, payload: Uint8Array): unknown {
  if (api === "ApiVersions") return decodeApiVersions(payload);
  const codec = codecOf(api, version);
  if (codec === undefined) throw new Error(`${api} ${version} is not spoken`);
  const reader = answerReader(payload, codec.flexible);
  const answer = codec.read(reader, request as Request<ApiName>);
  if (reader.left > 0) throw new Malformed(`${reader.left} bytes too many`);
  return answer;
}

const file = new URL("answers.txt", import.meta.url);

/** All that were recorded, of the versions that are spoken. */
export function readAnswers(): ReadonlyArray<RecordedAnswer> {
  const answers = Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").map((line) => {
    const [api, version, name, request, payload] = line.split("\t");
    return {
      api: api as RecordedAnswer["api"],
      version: Number(version),
      name,
      request: JSON.parse(request),
      payload: new Uint8Array(inflateSync(Uint8Array.fromBase64(payload))),
    };
  });
  return answers.filter(({ api, version }) => api === "ApiVersions" || codecOf(api, version) !== undefined);
}

/** Writes them, a line each. */
export function writeAnswers(answers: ReadonlyArray<RecordedAnswer>): void {
  const lines = answers.map(({ api, version, name, request, payload }) => {
    const asked = api === "Fetch" ? JSON.stringify(request) : "null";
    return [api, version, name, asked, new Uint8Array(deflateSync(payload, { level: 9 })).toBase64()].join("\t");
  });
  Deno.writeTextFileSync(file, lines.join("\n") + "\n");
}
