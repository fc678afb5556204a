/**
 * The partition that a dead letter's record goes back to.
 * @module
 */
import { partitionForKey } from "../codec/murmur2.ts";
import type { DeadLetter } from "../dead_letter/read_letter.ts";

/**
 * Where a record's partition was its key's, it goes where its key belongs now: the topic may have grown. Any other goes back
 * to the partition it came from: it has no key, or whoever wrote it chooses partitions in another way. A dead-letter topic
 * has as many partitions (`lettersCount`) as its source had; `count` is how many the source has now.
 */
export function returnPartition({ key, source, turn }: DeadLetter, lettersCount: number, count: number): number {
  const { partition } = source;
  // Turns are those of that partition's messages.
  if (turn !== null && partition < count) return partition;
  const byKey = key !== null && partitionForKey(key, lettersCount) === partition;
  if (!byKey && partition < count) return partition;
  return key === null ? partition % count : partitionForKey(key, count);
}
