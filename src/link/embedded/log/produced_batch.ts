/**
 * A batch as a producer sent it: whether it may be stored, and what a broker changes in it.
 * Source: Apache Kafka's documentation, "Message Format"; codes as Kafka 4.3 answers them.
 * @module
 */
import { decodeRecords } from "../../../codec/batch_decoder.ts";
import {
  type BatchHeader,
  COMPRESSION_MASK,
  CONTROL,
  CRC_START,
  crcMatches,
  HEADER_SIZE,
  LENGTH_END,
  LOG_APPEND_TIME,
  MAGIC,
  readBatchHeader,
  TRANSACTIONAL,
  viewOf,
} from "../../../codec/batch_header.ts";
import { decompress } from "../../../codec/compression.ts";
import { crc32c } from "../../../codec/crc32c.ts";
import { CorruptRecordError } from "../../../errors.ts";
import { ErrorCode } from "../../error_code.ts";
import type { TopicSettings } from "../topic_configs.ts";

/** What lies further back is more than a broker can count with, in milliseconds since 1970. */
const earliestTimestamp = -(2 ** 62);
/** The largest that a batch may be once it is decompressed, in bytes. */
const decompressedLimit = 64 * 1024 * 1024;

/** The batch that these bytes are, with the timestamp its latest record shall have, or an error code. */
export function producedBatch(bytes: Uint8Array, settings: TopicSettings, now: number): BatchHeader | number {
  const header = oneBatch(bytes);
  if (typeof header === "number") return header;
  if (bytes.length > settings.maxMessageBytes) return ErrorCode.MESSAGE_TOO_LARGE;
  const errorCode = headerFault(bytes, header);
  if (errorCode !== 0) return errorCode;
  const appended = (header.attributes & LOG_APPEND_TIME) !== 0;
  if (settings.logAppendTime && appended) return ErrorCode.INVALID_TIMESTAMP;
  const times = timesOf(bytes, header, settings.compacted);
  if (typeof times === "number") return times;
  if (settings.logAppendTime) return { ...header, maxTimestamp: now, attributes: header.attributes | LOG_APPEND_TIME };
  const { earliest, latest } = times;
  if (
    earliest < earliestTimestamp || earliest < now - settings.timestampBeforeMaxMs ||
    latest > now + settings.timestampAfterMaxMs
  ) {
    return ErrorCode.INVALID_TIMESTAMP;
  }
  return latest === header.maxTimestamp && !appended
    ? header
    : { ...header, maxTimestamp: latest, attributes: header.attributes & ~LOG_APPEND_TIME };
}

/** Makes a stored batch what its header shall be where a broker decides: attributes and latest timestamp. */
export function settle(stored: Uint8Array, { attributes, maxTimestamp }: BatchHeader): void {
  const view = viewOf(stored);
  if (view.getInt16(21) === attributes && Number(view.getBigInt64(35)) === maxTimestamp) return;
  view.setInt16(21, attributes);
  view.setBigInt64(35, BigInt(maxTimestamp));
  view.setUint32(17, crc32c(stored, CRC_START, stored.length));
}

/** The header of the one batch these bytes must be, or an error code. */
function oneBatch(bytes: Uint8Array): BatchHeader | number {
  if (bytes.length < HEADER_SIZE) return ErrorCode.INVALID_RECORD;
  const header = readBatchHeader(bytes, 0);
  const { magic, length } = header;
  // The formats before this one are known, but not taken any more.
  if (magic === 0 || magic === 1) return ErrorCode.INVALID_RECORD;
  if (magic !== MAGIC || length < HEADER_SIZE - LENGTH_END) return ErrorCode.CORRUPT_MESSAGE;
  return length + LENGTH_END === bytes.length ? header : ErrorCode.INVALID_RECORD;
}

/** What is wrong with a batch by its header, or 0. */
function headerFault(bytes: Uint8Array, header: BatchHeader): number {
  if (!crcMatches(bytes, 0, bytes.length)) return ErrorCode.CORRUPT_MESSAGE;
  const { baseOffset, count, lastOffsetDelta, attributes, producerId, baseSequence } = header;
  // There are no transactions here: nobody may have one.
  if ((attributes & TRANSACTIONAL) !== 0) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  if (baseOffset !== 0) return ErrorCode.INVALID_RECORD;
  // A client's batch has no gaps: those come only by compaction.
  if (count < 1 || count !== lastOffsetDelta + 1) return ErrorCode.INVALID_RECORD;
  if ((attributes & CONTROL) !== 0) return ErrorCode.INVALID_RECORD;
  if (producerId >= 0n && baseSequence < 0) return ErrorCode.INVALID_RECORD;
  return 0;
}

/**
 * The earliest and the latest of the records' timestamps, or an error code where they are not what the format says, or
 * lack a key they must have. Less is taken than a real broker takes where nobody could read the records: offsets that do
 * not count up, for one.
 */
function timesOf(
  bytes: Uint8Array,
  header: BatchHeader,
  keyed: boolean,
): { readonly earliest: number; readonly latest: number } | number {
  const plain = (header.attributes & COMPRESSION_MASK) === 0 ? bytes : decompressed(bytes, header);
  if (plain === null) return ErrorCode.UNKNOWN_SERVER_ERROR;
  try {
    const records = decodeRecords(plain, { from: 0, aborted: [], checkCrc: false });
    let earliest = Infinity;
    let latest = -Infinity;
    for (let i = 0; i < records.length; i++) {
      if (keyed && records.key(i) === null) return ErrorCode.INVALID_RECORD;
      records.headerText(i, ""); // throws where the headers are malformed
      const timestamp = records.timestamp(i);
      if (timestamp < earliest) earliest = timestamp;
      if (timestamp > latest) latest = timestamp;
    }
    return { earliest, latest };
  } catch (cause) {
    if (cause instanceof CorruptRecordError) return ErrorCode.INVALID_RECORD;
    throw cause;
  }
}

/** The same batch without compression, with a checksum that is wrong; null where that is not to be had. */
function decompressed(bytes: Uint8Array, { attributes }: BatchHeader): Uint8Array | null {
  let section: Uint8Array;
  try {
    section = decompress(attributes & COMPRESSION_MASK, bytes.subarray(HEADER_SIZE), decompressedLimit);
  } catch (cause) {
    if (cause instanceof CorruptRecordError) return null;
    throw cause;
  }
  const plain = new Uint8Array(HEADER_SIZE + section.length);
  plain.set(bytes.subarray(0, HEADER_SIZE));
  plain.set(section, HEADER_SIZE);
  const view = viewOf(plain);
  view.setInt32(8, plain.length - LENGTH_END);
  view.setInt16(21, attributes & ~COMPRESSION_MASK);
  return plain;
}
