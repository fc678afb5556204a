/**
 * OffsetCommit and OffsetFetch: what groups have committed.
 * Source: Apache Kafka's protocol guide (OffsetCommit, OffsetFetch).
 * @module
 */
import { partitionKey } from "../../../record.ts";
import { ErrorCode } from "../../error_code.ts";
import type { Answer, PerTopic, Request } from "../../protocol.ts";
import type { ConsumerGroup } from "./consumer_group.ts";
import { presentMember } from "./group_requests.ts";
import type { Groups } from "./groups.ts";
import { heldPartition } from "./held_partition.ts";
import { type CommitNote, type Journal, noJournal } from "../log/journal.ts";
import type { Moment } from "../moment.ts";
import { perPartition } from "../per_partition.ts";
import type { Topics } from "../topics.ts";

/** offset.metadata.max.bytes: Kafka's own default. */
const longestMetadata = 4_096;
const utf8 = new TextEncoder();

/** Committed offsets by group. */
export class GroupOffsets {
  readonly #groups = new Map<string, Map<string, CommitNote>>();
  /** Kept from now on. */
  journal: Journal = noJournal;

  /** What a group committed for a partition, if it did. */
  get(groupId: string, topic: string, partition: number): CommitNote | undefined {
    return this.#groups.get(groupId)?.get(partitionKey(topic, partition));
  }

  /** All a group has committed. */
  of(groupId: string): ReadonlyArray<CommitNote> {
    return [...this.#groups.get(groupId)?.values() ?? []];
  }

  /** All groups that have committed something. */
  groups(): ReadonlyArray<string> {
    return [...this.#groups.keys()];
  }

  /** Commits. */
  set(groupId: string, notes: ReadonlyArray<CommitNote>): void {
    if (notes.length === 0) return;
    this.journal.committed(groupId, notes);
    let offsets = this.#groups.get(groupId);
    if (offsets === undefined) this.#groups.set(groupId, offsets = new Map());
    for (const note of notes) offsets.set(partitionKey(note.topic, note.partition), note);
  }

  /** A topic is gone, and what was committed for it. */
  forget(topic: string): void {
    for (const [groupId, offsets] of this.#groups) {
      for (const [key, note] of [...offsets]) if (note.topic === topic) offsets.delete(key);
      if (offsets.size === 0) this.#groups.delete(groupId);
    }
  }
}

/** Answers OffsetCommit. */
export function offsetCommit(
  topics: Topics,
  groups: Groups,
  offsets: GroupOffsets,
  request: Request<"OffsetCommit">,
  now: Moment,
): Answer<"OffsetCommit"> {
  const refused = commitFault(topics, groups, request, now);
  const notes: Array<CommitNote> = [];
  const answers = perPartition(request.topics, (topic, { partition, committedOffset, committedMetadata }) => {
    const answer = (errorCode: number) => ({ partition, errorCode });
    if (topics.log(topic, partition) === undefined) return answer(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (refused !== 0) return answer(refused);
    if (utf8.encode(committedMetadata).length > longestMetadata) return answer(ErrorCode.OFFSET_METADATA_TOO_LARGE);
    notes.push({ topic, partition, offset: committedOffset, metadata: committedMetadata });
    return answer(0);
  });
  offsets.set(request.groupId, notes);
  return { throttleTimeMs: 0, topics: answers };
}

/** Why nothing may be committed, or 0. */
function commitFault(topics: Topics, groups: Groups, request: Request<"OffsetCommit">, now: Moment): number {
  const { groupId, generationId, memberId, groupInstanceId } = request;
  const consumers = groups.consumer(groupId, now);
  if (consumers !== undefined) return staleCommit(topics, consumers, request);
  const group = groups.get(groupId, now);
  if (group === undefined) return generationId < 0 ? 0 : ErrorCode.GROUP_ID_NOT_FOUND;
  // Whoever takes no part in the group may commit for it while it has no members.
  if (generationId < 0 && group.state === "Empty") return 0;
  if (generationId < 0 && memberId === "" && groupInstanceId === null) return ErrorCode.UNKNOWN_MEMBER_ID;
  const member = presentMember(group, request);
  if (typeof member === "number") return member;
  if (group.state === "CompletingRebalance") return ErrorCode.REBALANCE_IN_PROGRESS;
  group.heard(member, now.monotonic);
  group.announce();
  return 0;
}

/** Why nothing may be committed under a member's epoch, or 0. One partition it may not commit refuses them all. */
function staleCommit(topics: Topics, group: ConsumerGroup, request: Request<"OffsetCommit">): number {
  const { generationId, memberId } = request;
  if (generationId < 0 && group.members.size === 0) return 0;
  const member = group.members.get(memberId);
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  const fresh = request.topics.every(({ name, partitions }) => {
    const topic = topics.get(name);
    // What is not there is refused for that, and hinders nothing else.
    return topic === undefined ||
      partitions.every(({ partition }) =>
        partition >= topic.partitions.length || member.mayCommit(heldPartition(topic.id, partition), generationId)
      );
  });
  return fresh ? 0 : ErrorCode.STALE_MEMBER_EPOCH;
}

/** Answers OffsetFetch. */
export function offsetFetch(offsets: GroupOffsets, request: Request<"OffsetFetch">): Answer<"OffsetFetch"> {
  const answer = (partition: number, note: CommitNote | undefined) => ({
    partition,
    offset: note?.offset ?? -1,
    metadata: note?.metadata ?? "",
    errorCode: 0,
  });
  const { groupId, topics } = request;
  if (topics !== null) {
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      topics: perPartition(topics, (topic, partition) => answer(partition, offsets.get(groupId, topic, partition))),
    };
  }
  const byTopic = new Map<string, Array<ReturnType<typeof answer>>>();
  for (const note of offsets.of(groupId)) {
    const others = byTopic.get(note.topic);
    if (others === undefined) byTopic.set(note.topic, [answer(note.partition, note)]);
    else others.push(answer(note.partition, note));
  }
  const all: Array<PerTopic<ReturnType<typeof answer>>> = [];
  for (const [name, partitions] of byTopic) all.push({ name, partitions });
  return { throttleTimeMs: 0, errorCode: 0, topics: all };
}
