/**
 * What is to be kept beyond the process: told of every change before it counts.
 * @module
 */

/** A committed offset of a group. */
export interface CommitNote {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** Keeps changes. Every method may throw a {@linkcode StorageError}: the change then is not made. */
export interface Journal {
  readonly topicCreated: (
    topic: { readonly name: string; readonly id: string; readonly partitions: number; readonly configs: Configs },
  ) => void;
  readonly topicGrown: (name: string, partitions: number) => void;
  readonly topicDeleted: (name: string) => void;
  /** `batch` has its offset. */
  readonly appended: (topic: string, partition: number, batch: Uint8Array) => void;
  readonly trimmed: (topic: string, partition: number, startOffset: number) => void;
  readonly committed: (groupId: string, offsets: ReadonlyArray<CommitNote>) => void;
  /** Producer ids below this one may have been given away. */
  readonly producerIdsBelow: (next: bigint) => void;
  /** A request has been applied: all that was told is in the broker by now. Never throws. */
  readonly applied: () => void;
}

/** A topic's configuration, as it was given. */
export type Configs = Readonly<Record<string, string>>;

/** A change could not be kept. */
export class StorageError extends Error {
  /** For `switch`. */
  readonly _tag = "StorageError";
  /** Printed in stack traces. */
  override readonly name = "StorageError";
}

/** Keeps nothing. */
export const noJournal: Journal = {
  topicCreated: () => {},
  topicGrown: () => {},
  topicDeleted: () => {},
  appended: () => {},
  trimmed: () => {},
  committed: () => {},
  producerIdsBelow: () => {},
  applied: () => {},
};
