/**
 * Keys in quarantine whose letters went back: they are free once their group's commits say so.
 * @module
 */
import type { OffsetToCommit } from "../client/port.ts";
import type { DeadLetter } from "../dead_letter/read_letter.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import { decodeOffsetMap } from "../runtime/offset_map.ts";
import { quarantineKey } from "../runtime/quarantine.ts";
import { lineText } from "./letter_choice.ts";

interface Awaited {
  readonly group: string;
  readonly source: DeadLetter["source"];
  /** As the group's commits name it. */
  readonly hash: string;
  /** How often each of its letters went, by turn. */
  readonly sent: Map<number, number>;
}

// A letter that has gone so often and is there again waits for one that does not come.
const MOST = 5;

/** See the module. */
export class AwaitedKeys {
  readonly #keys = new Map<string, Awaited>();
  /** Keys that can't all be served. */
  readonly #dropped = new Set<string>();
  /** Those of them of which letters went all the same. */
  readonly #stopped = new Set<string>();

  /** How many there are. */
  get size(): number {
    return this.#keys.size;
  }

  /** How many of them don't get on, and are not waited for any more. */
  get stopped(): number {
    return this.#stopped.size;
  }

  /** The partitions to ask each group for. */
  get places(): ReadonlyMap<string, ReadonlyArray<TopicPartition>> {
    const groups = new Map<string, Map<string, TopicPartition>>();
    for (const { group, source: { topic, partition } } of this.#keys.values()) {
      const places = groups.get(group) ?? new Map<string, TopicPartition>();
      groups.set(group, places.set(partitionKey(topic, partition), { topic, partition }));
    }
    return new Map([...groups].map(([group, places]) => [group, [...places.values()]]));
  }

  /** A letter went back. */
  add(letter: DeadLetter): void {
    const { key, turn, group, source } = letter;
    if (key === null || turn === null) return;
    const line = lineText(letter);
    if (this.#dropped.has(line)) return void this.#stopped.add(line);
    const sent = this.#keys.get(line)?.sent ?? new Map<number, number>();
    const times = (sent.get(turn.at) ?? 0) + 1;
    if (times > MOST) return this.drop(letter);
    this.#keys.set(line, { group, source, hash: quarantineKey(key), sent: sent.set(turn.at, times) });
  }

  /** A letter stays: those of its key can't all be served. */
  drop(letter: DeadLetter): void {
    if (letter.turn === null) return;
    const line = lineText(letter);
    if (this.#keys.delete(line)) this.#stopped.add(line);
    this.#dropped.add(line);
  }

  /** Whether a letter that was written since goes back as well: it follows those that did. */
  readonly meant = (letter: DeadLetter): boolean => {
    const line = lineText(letter);
    if (!this.#keys.has(line)) return false;
    if (letter.reason === "quarantined") return true;
    this.drop(letter); // it would only fail once more
    return false;
  };

  /** What a group has committed: keys that are not in quarantine there are free. Answers whether there were any. */
  committed(group: string, offsets: ReadonlyArray<OffsetToCommit>): boolean {
    const { size } = this;
    for (const { topic, partition, offset, metadata } of offsets) {
      const held = new Set(decodeOffsetMap(offset, metadata).quarantined?.map(({ key }) => key));
      for (const [line, awaited] of this.#keys) {
        const { source } = awaited;
        if (awaited.group !== group || source.topic !== topic || source.partition !== partition) continue;
        // A commit from before the letter was written knows nothing of it.
        if (offset > source.offset && !held.has(awaited.hash)) this.#keys.delete(line);
      }
    }
    return this.#keys.size < size;
  }
}
