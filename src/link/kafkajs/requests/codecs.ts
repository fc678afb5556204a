/**
 * All APIs this client speaks, most of them in one version that Kafka 3.0 to 4.3 brokers know.
 * @module
 */
import type { ApiName, Request } from "../../protocol.ts";
import { createPartitions, createTopics, deleteRecords, deleteTopics, describeConfigs } from "./admin.ts";
import type { Codec } from "./codec.ts";
import { fetchById, fetchByName, listOffsets } from "./fetch.ts";
import { consumerGroupDescribe, consumerGroupHeartbeat } from "./consumer_groups.ts";
import { describeGroups, heartbeat, joinGroup, leaveGroup, syncGroup } from "./groups.ts";
import { findCoordinator, metadata } from "./metadata.ts";
import { offsetCommit, offsetCommit9, offsetFetch } from "./offsets.ts";
import { initProducerId, produce } from "./produce.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** The codecs by the name of their API; where there are several, the newest stands first. */
export const codecs: { readonly [A in ApiName]: ReadonlyArray<Codec<A>> } = {
  Produce: [produce],
  Fetch: [fetchById, fetchByName],
  ListOffsets: [listOffsets],
  Metadata: [metadata],
  FindCoordinator: [findCoordinator],
  JoinGroup: [joinGroup],
  SyncGroup: [syncGroup],
  Heartbeat: [heartbeat],
  LeaveGroup: [leaveGroup],
  OffsetCommit: [offsetCommit9, offsetCommit],
  OffsetFetch: [offsetFetch],
  InitProducerId: [initProducerId],
  CreateTopics: [createTopics],
  CreatePartitions: [createPartitions],
  DeleteTopics: [deleteTopics],
  DeleteRecords: [deleteRecords],
  ConsumerGroupHeartbeat: [consumerGroupHeartbeat],
  ConsumerGroupDescribe: [consumerGroupDescribe],
  DescribeGroups: [describeGroups],
  DescribeConfigs: [describeConfigs],
};

/** A whole request, header included, ready for the socket. */
export function encodeRequest<A extends ApiName>(
  codec: Codec<A>,
  request: Request<A>,
  correlationId: number,
  clientId: string,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer((codec.size?.(request) ?? 256) + clientId.length);
  writeHeader(writer, codec.key, codec.version, correlationId, clientId);
  if (codec.flexible) writer.noTags();
  codec.write(writer, request);
  writer.patch(0, writer.length - 4);
  return writer.finish();
}

/** A reader that stands at the body of an answer; `payload` is what follows the correlation id. */
export function answerReader(payload: Uint8Array, flexible: boolean | undefined): Reader {
  const reader = new Reader(payload);
  if (flexible) reader.tags();
  return reader;
}

/** A request's header, length first (patched in at the end). */
export function writeHeader(
  writer: Writer,
  key: number,
  version: number,
  correlationId: number,
  clientId: string,
): void {
  writer.int32(0);
  writer.int16(key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.string(clientId);
}

/** The range of versions a broker knows of each API, by its number. */
export type Versions = ReadonlyMap<number, { readonly min: number; readonly max: number }>;

/** ApiVersions 0, which every broker answers to anyone: sent first on each connection. */
export function encodeApiVersions(correlationId: number, clientId: string): Uint8Array<ArrayBuffer> {
  const writer = new Writer(64);
  writeHeader(writer, 18, 0, correlationId, clientId);
  writer.patch(0, writer.length - 4);
  return writer.finish();
}

/** Its answer. */
export function decodeApiVersions(payload: Uint8Array): { readonly errorCode: number; readonly versions: Versions } {
  const reader = new Reader(payload);
  const errorCode = reader.int16();
  const versions = reader.array(() => [reader.int16(), { min: reader.int16(), max: reader.int16() }] as const);
  return { errorCode, versions: new Map(versions) };
}
