/**
 * One life of a partition's actor, from its resources to its end: takes records from the mailbox, calls `receive`, and
 * settles outcomes. A plain function's message is settled in the loop itself; only one that has to wait gets a key
 * lane, which is a fiber of its own.
 * @module
 */
import { Cause, type Clock, Effect, Latch } from "effect";
import type { DeadLetterReason } from "../dead_letter/dead_letter.ts";
import type { Sender } from "../client/port.ts";
import { ActorFailed, DecodeError, type LeaseLost, type PublishError, ReceiveTimeout } from "../errors.ts";
import { type Answered, answered, failed, Handlers, isPending } from "./answer.ts";
import { takeBatch } from "./batch.ts";
import { publishAll, writeDeadLetter } from "./delivery.ts";
import type { Call, Invoke } from "./invoke.ts";
import { Lane, type LaneStart, runLane } from "./lane.ts";
import { type IncarnationContext, MessageContext } from "./message_context.ts";
import type { MessageReader, ReadMessage } from "./message_reader.ts";
import type { Item, Partition } from "./partition.ts";

/** What an incarnation needs beside its partition. */
export interface IncarnationServices {
  /** Reads messages. */
  readonly reader: MessageReader;
  /** Publishes. */
  readonly sender: Sender;
}

/** A crash that is not the actor's fault and not counted: its lease is lost, its work belongs to another. */
export class Fenced {
  /** Tells it apart. */
  readonly _tag = "Fenced";
  constructor(readonly error: LeaseLost) {}
}

// How long the loop may keep the event loop to itself, in milliseconds: heartbeats, HTTP and signals wait that long.
const SLICE = 4;
// Records between two looks at the clock.
const LOOK = 64;
/** See the module. */
export class Incarnation {
  readonly lanes = new Map<unknown, Lane>();
  readonly handlers = new Handlers();
  readonly #wake = Latch.makeUnsafe(false);
  readonly #read: ReadMessage = { type: null, message: undefined };
  #replay: Item[];
  #crash: { readonly cause: Cause.Cause<unknown> } | null = null;
  #blocked = 0; // lanes that wait for room in the sender
  /** Whether a call of `receiveBatch` is under way. */
  batching = false;

  constructor(
    readonly partition: Partition,
    readonly services: IncarnationServices,
    private readonly invoke: Invoke,
    private readonly clock: Clock.Clock,
    readonly context: IncarnationContext,
    readonly fork: (effect: Effect.Effect<void>) => void,
  ) {
    this.#replay = [...partition.reopened()].reverse();
    partition.wake = this.wake;
  }

  /** Looks for work again. */
  readonly wake = (): void => {
    this.#wake.openUnsafe();
  };

  /** Runs until the partition is drained; fails with what ended it otherwise. */
  readonly run: Effect.Effect<void, unknown> = Effect.suspend(() => this.#turn());

  #turn(): Effect.Effect<void, unknown> {
    this.#wake.closeUnsafe();
    let more = false;
    try {
      more = this.#pump();
    } catch (defect) {
      this.crash(Cause.die(defect));
    }
    if (this.#crash !== null) return Effect.failCause(this.#crash.cause);
    const { partition } = this;
    if (partition.fetchError !== null) {
      const { fetchError } = partition;
      return Effect.fail(
        new ActorFailed(
          partition.actor.name,
          partition.topic,
          partition.partition,
          partition.position,
          fetchError.message,
          { cause: fetchError },
        ),
      );
    }
    if (partition.draining && this.lanes.size === 0 && !this.batching && partition.unacknowledged === 0) {
      return Effect.void;
    }
    return Effect.flatMap(more ? Effect.yieldNow : this.#wake.await, () => this.#turn());
  }

  /** Takes records up until there is none, or no lane, or the time is over (then true). */
  #pump(): boolean {
    const { partition, lanes } = this;
    const { concurrency } = partition.actor.settings;
    if (partition.draining) return false;
    if (partition.actor.receiveBatch !== undefined) return this.#blocked === 0 && !this.batching && takeBatch(this);
    const end = this.clock.currentTimeMillisUnsafe() + SLICE;
    for (let taken = 1; lanes.size < concurrency && this.#blocked === 0 && this.#crash === null; taken++) {
      const item = this.next();
      if (item === null) return false;
      if (lanes.size === 0 || !this.park(item)) this.#start(item);
      if (taken % LOOK === 0 && this.clock.currentTimeMillisUnsafe() >= end) return true;
    }
    return false;
  }

  /** Puts a record behind the one of its key that is in hand; false if there is none. */
  park(item: Item): boolean {
    const lane = this.lanes.get(this.#laneKey(item));
    lane?.parked.push(item);
    return lane !== undefined;
  }

  #laneKey(item: Item): unknown {
    const { order } = this.partition.actor.settings;
    return order === "none" ? item : order === "partition" ? "" : item.segment.records.keyId(item.index);
  }

  /** The next record to take up. */
  next(): Item | null {
    const again = this.#replay.pop();
    if (again !== undefined) return again;
    const segment = this.partition.next();
    return segment === null ? null : { segment, index: segment.cursor++ };
  }

  /** Calls `receive`; opens a lane if the message can't be settled at once. */
  #start(item: Item): void {
    const call = this.call(item);
    if (call === null) return;
    if (!isPending(call.result)) {
      const answer = call.threw ? failed(call.result) : answered(call.result);
      if (answer._tag === "Done") {
        const rest = this.succeed(item, call);
        if (rest === null) return;
        return this.openLane(item, { rest });
      }
      return this.openLane(item, { call, answer });
    }
    this.openLane(item, { call });
  }

  /** Reads the message and calls `receive`. Null where the record needed no call: it is settled. */
  call(item: Item): Call | null {
    const read = this.read(item);
    return read === null ? null : this.invoke(item, read.type, read.message, this.#attempt(item));
  }

  /** Reads the message; the result is good until the next call. Null where the record needs no `receive`. */
  read(item: Item): { readonly type: string; readonly message: unknown } | null {
    const { partition, services } = this;
    const { segment, index } = item;
    const deaths = partition.deaths(segment.records.offset(index));
    if (deaths >= partition.actor.restart.killedAfter) {
      this.giveUp(item, "killed-actor", `the actor was killed ${deaths} times with this record in hand`);
      return null;
    }
    try {
      services.reader.read(segment.records, partition.partition, index, this.#read);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.giveUp(item, "decode", error.message);
      return null;
    }
    if (this.#read.type !== null) return this.#read as { readonly type: string; readonly message: unknown };
    partition.counters.ignored++;
    partition.resolve(item);
    return null;
  }

  /** A context for a message that is received in a batch. */
  contextOf(item: Item): MessageContext {
    return new MessageContext(this.context, item.segment.records, item.index, this.#attempt(item));
  }

  /** The number of the attempt that begins now. */
  #attempt({ segment, index }: Item): number {
    const { partition } = this;
    const offset = segment.records.offset(index);
    const attempt = partition.attempts(offset) + 1;
    partition.counters.received++;
    if (attempt > 1) {
      partition.counters.retried++;
      partition.setAttempts(offset, attempt);
    }
    return attempt;
  }

  /** Opens the lane of a record's key. */
  openLane(item: Item, start: LaneStart): void {
    const lane = new Lane(this.#laneKey(item));
    this.lanes.set(lane.key, lane);
    if (start.rest !== undefined) this.#blocked++;
    this.fork(runLane(this, lane, start, item));
  }

  /** The lane is done. */
  closeLane(lane: Lane): void {
    this.lanes.delete(lane.key);
    this.wake();
  }

  /** The message succeeded: what it published goes to the sender. Null when it is all there. */
  succeed(item: Item, call: Call): Effect.Effect<void> | null {
    const { partition } = this;
    const { published } = call.context;
    call.context.close();
    if (published === null) {
      partition.counters.done++;
      partition.resolve(item);
      return null;
    }
    return publishAll(partition, this.services.sender, item, published, this.publishFailed);
  }

  /** The sender has room again for what a message of the loop published. */
  unblock(): void {
    this.#blocked--;
  }

  /** The record becomes a dead letter. */
  giveUp(item: Item, reason: DeadLetterReason, error: string): void {
    const { partition } = this;
    const { actor } = partition;
    const attempts = partition.attempts(item.segment.records.offset(item.index));
    const note = { group: actor.group, actor: actor.name, reason, error, attempts };
    const tooLarge = (cause: PublishError) => this.stop(item, `its dead letter is too large: ${cause.message}`, cause);
    const rest = writeDeadLetter(partition, this.services.sender, item, note, tooLarge, this.publishFailed, this.fork);
    if (rest !== null) this.fork(rest);
  }

  /** Ends the system. */
  stop(item: Item, detail: string, cause?: unknown): void {
    const { actor, topic, partition } = this.partition;
    const offset = item.segment.records.offset(item.index);
    this.crash(Cause.fail(new ActorFailed(actor.name, topic, partition, offset, detail, { cause })));
  }

  readonly publishFailed = (error: PublishError | LeaseLost, item: Item): void => {
    if (error._tag === "LeaseLost") this.crash(Cause.fail(new Fenced(error)));
    else this.crash(Cause.die(error), item);
  };

  /** Ends this incarnation with a cause; `item` is to blame, if any. */
  crash(cause: Cause.Cause<unknown>, item?: Item): void {
    if (this.#crash !== null) return;
    if (item !== undefined) this.partition.addDeath(item.segment.records.offset(item.index));
    this.#crash = { cause };
    this.wake();
  }

  /** Waits for a pending result, at most for the actor's `receiveTimeout`; `abort` is told when it is given up. */
  wait(item: Item, result: unknown, abort: () => void): Effect.Effect<Answered> {
    const { actor, topic, partition } = this.partition;
    const limit = actor.settings.receiveTimeout;
    return this.handlers.wait(result, limit).pipe(
      Effect.map((answer) => {
        if (answer._tag !== "TimedOut") return answer;
        abort();
        return failed(new ReceiveTimeout(actor.name, topic, partition, item.segment.records.offset(item.index), limit));
      }),
      Effect.onInterrupt(() => Effect.sync(abort)),
    );
  }

  /** Waits before a retry; not when the partition is drained. */
  pause(millis: number): Effect.Effect<void> {
    return this.partition.pause(millis);
  }
}
