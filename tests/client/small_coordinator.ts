/**
 * Just enough of Kafka's group coordinator (classic protocol) for tests of members and offsets, behind a scripted link:
 * one test decides who coordinates, what is refused and which answer gets lost.
 * @module
 */
import { type Clock, Deferred, Effect, Exit, type Scope } from "effect";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Answer, ApiName, MemberIdentity, Request } from "../../src/link/protocol.ts";
import { address, metadata, type Script, type ScriptedLink, scriptedLink } from "./scripted_link.ts";

interface Seat {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  metadata: Uint8Array;
  protocol: string;
  join: Deferred.Deferred<Answer<"JoinGroup">> | null;
  sync: Deferred.Deferred<Answer<"SyncGroup">> | null;
  assignment: Uint8Array;
  seen: number;
}

const none = new Uint8Array();

/** One group, its coordinator and a cluster's metadata. */
export class SmallCoordinator {
  /** Partitions per topic. */
  readonly topics: Record<string, number> = {};
  readonly seats = new Map<string, Seat>();
  /** Metadata longer than this is refused. */
  metadataLimit = 4_096;
  readonly offsets = new Map<string, { offset: number; metadata: string }>();
  state: "empty" | "preparing" | "completing" | "stable" = "empty";
  generation = 0;
  leader = "";
  node = 1;
  readonly link: ScriptedLink;
  readonly #pending = new Set<string>();
  readonly #refusals: Array<{ readonly api: ApiName; readonly errorCode: number }> = [];
  #ids = 0;
  #deadline = Infinity;

  constructor(readonly clock: Clock.Clock, script: Script = {}) {
    this.link = scriptedLink({
      Metadata: ({ topics }) =>
        Effect.sync(() => {
          const known = (topics ?? []).filter((topic) => topic in this.topics);
          return metadata(
            [1, 2],
            Object.fromEntries(known.map((topic) => [topic, new Array(this.topics[topic]).fill(1)])),
          );
        }),
      FindCoordinator: () =>
        Effect.sync(() => ({ throttleTimeMs: 0, errorCode: 0, errorMessage: null, ...address(this.node) })),
      JoinGroup: (request, node) => Effect.suspend(() => this.#join(request, node)),
      SyncGroup: (request, node) => Effect.suspend(() => this.#sync(request, node)),
      Heartbeat: (request, node) =>
        Effect.sync(() => {
          const errorCode = this.#check("Heartbeat", request, node) ||
            (this.state === "preparing" ? ErrorCode.REBALANCE_IN_PROGRESS : 0);
          const seat = this.seats.get(request.memberId);
          if (seat !== undefined) seat.seen = this.#now();
          return { throttleTimeMs: 0, errorCode };
        }),
      LeaveGroup: ({ members }) =>
        Effect.sync(() => {
          for (const { memberId } of members) this.remove(memberId);
          return { throttleTimeMs: 0, errorCode: 0, members: [] };
        }),
      OffsetCommit: (request, node) =>
        Effect.sync(() => {
          const refused = this.#check("OffsetCommit", request, node) ||
            (this.state === "completing" ? ErrorCode.REBALANCE_IN_PROGRESS : 0);
          const topics = request.topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition, committedOffset, committedMetadata }) => {
              const long = committedMetadata.length > this.metadataLimit ? ErrorCode.OFFSET_METADATA_TOO_LARGE : 0;
              const errorCode = refused || this.#refusal("OffsetCommit") || long;
              if (errorCode === 0) {
                this.offsets.set(`${name}/${partition}`, { offset: committedOffset, metadata: committedMetadata });
              }
              return { partition, errorCode };
            }),
          }));
          return { throttleTimeMs: 0, topics };
        }),
      OffsetFetch: ({ topics }, node) =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          errorCode: node === this.node ? 0 : ErrorCode.NOT_COORDINATOR,
          topics: (topics ?? []).map(({ name, partitions }) => ({
            name,
            partitions: partitions.map((partition) => ({
              partition,
              offset: -1,
              metadata: null,
              ...this.offsets.get(`${name}/${partition}`),
              errorCode: this.#refusal("OffsetFetch"),
            })),
          })),
        })),
      ...script,
    });
  }

  /** Refuses the next request of a kind (for offsets: the next partition). */
  refuse(api: ApiName, errorCode: number): void {
    this.#refusals.push({ api, errorCode });
  }

  /** Expels a member. */
  remove(memberId: string): void {
    const seat = this.seats.get(memberId);
    if (seat === undefined) return;
    this.seats.delete(memberId);
    if (this.seats.size === 0) {
      this.state = "empty";
      this.generation++;
      return;
    }
    this.prepare();
    this.#complete();
  }

  /** Begins a rebalance. */
  prepare(): void {
    if (this.state === "preparing") return;
    for (const seat of this.seats.values()) {
      const sync = seat.sync;
      seat.sync = null;
      if (sync !== null) Deferred.doneUnsafe(sync, Exit.succeed(synced(ErrorCode.REBALANCE_IN_PROGRESS)));
    }
    this.state = "preparing";
    this.#deadline = this.#now() + Math.max(...[...this.seats.values()].map((seat) => seat.rebalanceTimeout));
  }

  /** Looks for members that have not been heard of for too long, every 10 ms. */
  readonly watch: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(Effect.forkScoped(Effect.forever(
    Effect.andThen(
      Effect.sleep(10),
      Effect.sync(() => {
        for (const seat of [...this.seats.values()]) {
          const waits = seat.join !== null || seat.sync !== null;
          if (!waits && this.#now() - seat.seen > seat.sessionTimeout) this.remove(seat.memberId);
        }
        if (this.state !== "preparing" || this.#now() < this.#deadline) return;
        for (const seat of [...this.seats.values()]) {
          if (seat.join === null && seat.instanceId === null) this.seats.delete(seat.memberId);
        }
        this.#complete(true);
      }),
    ),
  )));

  #now(): number {
    return this.clock.currentTimeMillisUnsafe();
  }

  #refusal(api: ApiName): number {
    const at = this.#refusals.findIndex((refusal) => refusal.api === api);
    return at < 0 ? 0 : this.#refusals.splice(at, 1)[0].errorCode;
  }

  #check(api: ApiName, request: MemberIdentity, node: number): number {
    if (node !== this.node) return ErrorCode.NOT_COORDINATOR;
    const refusal = api === "OffsetCommit" ? 0 : this.#refusal(api);
    if (refusal !== 0) return refusal;
    if (this.#fenced(request)) return ErrorCode.FENCED_INSTANCE_ID;
    if (!this.seats.has(request.memberId)) return ErrorCode.UNKNOWN_MEMBER_ID;
    return request.generationId === this.generation ? 0 : ErrorCode.ILLEGAL_GENERATION;
  }

  #fenced({ memberId, groupInstanceId }: { readonly memberId: string; readonly groupInstanceId: string | null }) {
    if (groupInstanceId === null || memberId === "") return false;
    const seat = [...this.seats.values()].find(({ instanceId }) => instanceId === groupInstanceId);
    return seat !== undefined && seat.memberId !== memberId;
  }

  #join(request: Request<"JoinGroup">, node: number): Effect.Effect<Answer<"JoinGroup">> {
    const { groupInstanceId: instanceId } = request;
    let { memberId } = request;
    if (node !== this.node) return Effect.succeed(joined(ErrorCode.NOT_COORDINATOR));
    const refusal = this.#refusal("JoinGroup");
    if (refusal !== 0) return Effect.succeed(joined(refusal));
    if (this.#fenced(request)) return Effect.succeed(joined(ErrorCode.FENCED_INSTANCE_ID));
    const { name: protocol, metadata } = request.protocols[0];
    if (memberId === "") {
      memberId = `member-${++this.#ids}`;
      if (instanceId === null) {
        this.#pending.add(memberId);
        return Effect.succeed({ ...joined(ErrorCode.MEMBER_ID_REQUIRED), memberId });
      }
      const before = [...this.seats.values()].find((seat) => seat.instanceId === instanceId);
      if (before !== undefined) {
        this.seats.delete(before.memberId);
        this.seats.set(memberId, { ...before, memberId, metadata, seen: this.#now() });
        const leader = this.leader;
        if (leader === before.memberId) this.leader = memberId;
        if (this.state === "stable") {
          return Effect.succeed({
            ...joined(0),
            generationId: this.generation,
            protocolName: protocol,
            leader,
            memberId,
          });
        }
      }
    }
    let seat = this.seats.get(memberId);
    if (seat === undefined) {
      if (!this.#pending.delete(memberId) && instanceId === null) {
        return Effect.succeed(joined(ErrorCode.UNKNOWN_MEMBER_ID));
      }
      const { sessionTimeoutMs: sessionTimeout, rebalanceTimeoutMs: rebalanceTimeout } = request;
      const place = { memberId, instanceId, sessionTimeout, rebalanceTimeout, metadata, protocol };
      this.seats.set(memberId, seat = { ...place, join: null, sync: null, assignment: none, seen: this.#now() });
      this.prepare();
    } else {
      const same = String(seat.metadata) === String(metadata);
      seat.metadata = metadata;
      if (this.state === "completing" && same) return Effect.succeed(this.#view(memberId));
      if (this.state === "stable" && same && this.leader !== memberId) return Effect.succeed(this.#view(memberId));
      this.prepare();
    }
    const join = seat.join = Deferred.makeUnsafe<Answer<"JoinGroup">>();
    this.#complete();
    return Deferred.await(join);
  }

  #complete(late = false): void {
    const seats = [...this.seats.values()];
    if (this.state !== "preparing" || (!late && seats.some((seat) => seat.join === null))) return;
    this.generation++;
    this.state = "completing";
    if (!this.seats.has(this.leader)) this.leader = seats[0]?.memberId ?? "";
    for (const seat of seats) {
      const join = seat.join;
      seat.join = null;
      seat.seen = this.#now();
      if (join !== null) Deferred.doneUnsafe(join, Exit.succeed(this.#view(seat.memberId)));
    }
  }

  #view(memberId: string): Answer<"JoinGroup"> {
    const seats = memberId === this.leader ? [...this.seats.values()] : [];
    return {
      ...joined(0),
      generationId: this.generation,
      protocolName: this.seats.get(memberId)?.protocol ?? "",
      leader: this.leader,
      memberId,
      members: seats.map(({ memberId, instanceId, metadata }) => ({ memberId, groupInstanceId: instanceId, metadata })),
    };
  }

  #sync(request: Request<"SyncGroup">, node: number): Effect.Effect<Answer<"SyncGroup">> {
    const errorCode = this.#check("SyncGroup", request, node);
    const seat = this.seats.get(request.memberId);
    if (errorCode !== 0 || seat === undefined) return Effect.succeed(synced(errorCode));
    seat.seen = this.#now();
    if (this.state === "stable") return Effect.succeed(synced(0, seat.assignment));
    if (this.state === "preparing") return Effect.succeed(synced(ErrorCode.REBALANCE_IN_PROGRESS));
    const sync = seat.sync = Deferred.makeUnsafe<Answer<"SyncGroup">>();
    if (request.memberId === this.leader) {
      this.state = "stable";
      const given = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment]));
      for (const other of this.seats.values()) {
        other.assignment = given.get(other.memberId) ?? none;
        other.seen = this.#now();
        const waiting = other.sync;
        other.sync = null;
        if (waiting !== null) Deferred.doneUnsafe(waiting, Exit.succeed(synced(0, other.assignment)));
      }
    }
    return Deferred.await(sync);
  }
}

function joined(errorCode: number): Answer<"JoinGroup"> {
  return { throttleTimeMs: 0, errorCode, generationId: -1, protocolName: "", leader: "", memberId: "", members: [] };
}

function synced(errorCode: number, assignment: Uint8Array = none): Answer<"SyncGroup"> {
  return { throttleTimeMs: 0, errorCode, assignment };
}
