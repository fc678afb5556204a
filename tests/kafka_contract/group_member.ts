/**
 * One member of a group, request by request.
 * @module
 */
import { Effect, Fiber } from "effect";
import type { ConnectionError } from "../../src/errors.ts";
import type { Connection } from "../../src/link/link.ts";
import type { Answer, MemberIdentity, Request } from "../../src/link/protocol.ts";
import { assertEquals } from "../assert.ts";
import { type CommitOptions, type Context, ErrorCode } from "./context.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a member says when it joins. */
export interface JoinOptions {
  readonly groupInstanceId?: string | null;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly protocolType?: string;
  /**
   * Names and metadata, the favourite first. Kafka reads a consumer's metadata: text that is too short to be any is
   * passed on as it is, while longer text may be taken for something large and never be answered.
   */
  readonly protocols?: Readonly<Record<string, string>>;
}

/** A member, with a connection of its own. */
export class Member {
  memberId = "";
  generationId = -1;

  constructor(
    readonly kafka: Context,
    readonly connection: Connection,
    readonly groupId: string,
    public options: JoinOptions,
  ) {}

  get groupInstanceId(): string | null {
    return this.options.groupInstanceId ?? null;
  }

  get identity(): MemberIdentity {
    const { groupId, generationId, memberId, groupInstanceId } = this;
    return { groupId, generationId, memberId, groupInstanceId };
  }

  /** One JoinGroup, as it is. */
  joinOnce(options: JoinOptions = {}): Effect.Effect<Answer<"JoinGroup">, ConnectionError> {
    const { groupId, memberId, groupInstanceId } = this;
    const all = { ...this.options, ...options };
    const request: Request<"JoinGroup"> = {
      groupId,
      memberId,
      groupInstanceId,
      sessionTimeoutMs: all.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: all.rebalanceTimeoutMs ?? 5_000,
      protocolType: all.protocolType ?? "consumer",
      protocols: Object.entries(all.protocols ?? { range: "" }).map(([name, metadata]) => ({
        name,
        metadata: encoder.encode(metadata),
      })),
    };
    return Effect.suspend(() => this.connection.call("JoinGroup", request));
  }

  /** Joins, the second time with the id it was given, and remembers what it became. */
  readonly join = Effect.fnUntraced(function* (this: Member, options: JoinOptions = {}) {
    let answer = yield* this.joinOnce(options);
    if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.memberId = answer.memberId;
      answer = yield* this.joinOnce(options);
    }
    if (answer.errorCode === 0) {
      this.memberId = answer.memberId;
      this.generationId = answer.generationId;
    }
    return answer;
  });

  /** Starts to join: the request is on its way. */
  joining(options: JoinOptions = {}): Effect.Effect<Fiber.Fiber<Answer<"JoinGroup">, ConnectionError>> {
    return Effect.forkChild(this.join(options), { startImmediately: true });
  }

  /** Gets its assignment, as text; as the leader, gives all of them. */
  sync(assignments: Readonly<Record<string, string>> = {}) {
    return Effect.map(this.#sync(assignments), ({ errorCode, assignment }) => ({
      errorCode,
      assignment: decoder.decode(assignment),
    }));
  }

  /** Starts to. */
  syncing() {
    return Effect.forkChild(this.sync(), { startImmediately: true });
  }

  heartbeat(): Effect.Effect<number, ConnectionError> {
    return Effect.map(
      Effect.suspend(() => this.connection.call("Heartbeat", this.identity)),
      ({ errorCode }) => errorCode,
    );
  }

  leave(): Effect.Effect<number, ConnectionError> {
    const { groupId, memberId, groupInstanceId } = this;
    return Effect.map(
      Effect.suspend(() => this.connection.call("LeaveGroup", { groupId, members: [{ memberId, groupInstanceId }] })),
      (answer) => answer.errorCode || (answer.members[0]?.errorCode ?? 0),
    );
  }

  commit(topic: string, offset: number, options: CommitOptions = {}) {
    return this.kafka.commit(topic, this.groupId, offset, { ...this.identity, ...options });
  }

  /** Heartbeats until this is the answer. */
  hears(errorCode: number) {
    return this.kafka.until(this.heartbeat(), (answer) => answer === errorCode);
  }

  #sync(assignments: Readonly<Record<string, string>>): Effect.Effect<Answer<"SyncGroup">, ConnectionError> {
    return Effect.suspend(() =>
      this.connection.call("SyncGroup", {
        ...this.identity,
        assignments: Object.entries(assignments).map(([memberId, assignment]) => ({
          memberId,
          assignment: encoder.encode(assignment),
        })),
      })
    );
  }
}

/** Somebody who is not a member yet. */
export const stranger = Effect.fnUntraced(function* (kafka: Context, groupId: string, options: JoinOptions = {}) {
  return new Member(kafka, yield* kafka.connect("group"), groupId, options);
});

/** A stable group of so many members, the leader first; each was assigned its own place in the list. */
export const stableGroup = Effect.fnUntraced(function* (
  kafka: Context,
  groupId: string,
  options: ReadonlyArray<JoinOptions>,
) {
  const members: Array<Member> = [];
  for (const each of options) members.push(yield* stranger(kafka, groupId, each));
  yield* balance(members);
  return members;
});

/** Lets them all join, newcomers behind those who are members, and sync. */
export const balance = Effect.fnUntraced(function* (members: ReadonlyArray<Member>) {
  const [first, ...others] = members;
  if (first.generationId < 0) {
    yield* first.join();
    yield* first.sync({ [first.memberId]: "0" });
  }
  const newcomers = others.filter(({ generationId }) => generationId < 0);
  if (newcomers.length > 0) {
    const joining = [];
    for (const member of newcomers) joining.push(yield* member.joining());
    yield* first.hears(ErrorCode.REBALANCE_IN_PROGRESS);
    // A newcomer counts only once it has come with its id.
    yield* Effect.sleep(100);
    for (const member of members) if (!newcomers.includes(member)) joining.push(yield* member.joining());
    for (const fiber of joining) assertEquals((yield* Fiber.join(fiber)).errorCode, 0);
  }
  const assignments = Object.fromEntries(members.map(({ memberId }, i) => [memberId, String(i)]));
  assertEquals(yield* first.sync(assignments), { errorCode: 0, assignment: "0" });
  for (const [i, member] of others.entries()) {
    assertEquals(yield* member.sync(), { errorCode: 0, assignment: String(i + 1) });
  }
});

/** Lets members of a stable group, the leader first, join again: all answers, in this order. */
export const gather = Effect.fnUntraced(function* (members: ReadonlyArray<Member>) {
  const [leader, ...others] = members;
  const joining = [yield* leader.joining()];
  // One that came before the leader would be told that all is as it was.
  if (others.length > 0) yield* others[0].hears(ErrorCode.REBALANCE_IN_PROGRESS);
  for (const member of others) joining.push(yield* member.joining());
  const answers = [];
  for (const fiber of joining) answers.push(yield* Fiber.join(fiber));
  for (const { errorCode } of answers) assertEquals(errorCode, 0);
  return answers;
});
