import { fetchByName } from "../../src/link/kafkajs/requests/fetch.ts";
import { Malformed, Reader } from "../../src/link/kafkajs/requests/reader.ts";
import { Writer } from "../../src/link/kafkajs/requests/writer.ts";
import type { Request } from "../../src/link/protocol.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const asked: Request<"Fetch"> = { maxWaitMs: 0, minBytes: 0, maxBytes: 0, isolationLevel: 1, rackId: "", topics: [] };

/** Reads an answer with one partition. */
function read(errorCode: number, preferredReadReplica: number, records: ReadonlyArray<number>) {
  const writer = new Writer(64);
  writer.int32(0); // throttle time
  writer.int16(0);
  writer.int32(0); // session
  writer.compactArray(["t"], (name) => {
    writer.compactString(name);
    writer.compactArray([0], (partition) => {
      writer.int32(partition);
      writer.int16(errorCode);
      for (const offset of [9, 9, 0]) writer.int64(offset);
      writer.compactArray([], () => {});
      writer.int32(preferredReadReplica);
      writer.raw(Uint8Array.from([records.length + 1, ...records]));
      writer.noTags();
    });
    writer.noTags();
  });
  writer.noTags();
  return fetchByName.read(new Reader(writer.finish()), asked).topics[0].partitions[0];
}

Deno.test("Fetch refuses records beside an error or beside another place to read from", () => {
  assertEquals([...read(0, -1, [1, 2, 3]).records], [1, 2, 3]);
  assertEquals(read(1, -1, []).errorCode, 1);
  assertEquals(read(0, 2, []).preferredReadReplica, 2);
  assertThrows(() => read(1, -1, [1]), Malformed, "records of partition 0 beside error 1");
  assertThrows(() => read(0, 2, [1]), Malformed, "another place to read");
});
