/**
 * One life of a partition's actor, from its resources to its end: takes records from the mailbox, calls `receive`, and
 * settles outcomes. A plain function's message is settled in the loop itself; only one that has to wait gets a key
 * lane, which is a fiber of its own.
 * @module
 */
import { Cause, type Clock, Effect } from "effect";
import type { Sender } from "../client/port.ts";
import { ActorFailed, DecodeError, ReceiveTimeout } from "../errors.ts";
import { monotonicMs } from "../fiber/monotonic.ts";
import { type Answered, failed, Handlers, isPromise } from "./answer.ts";
import { takeBatch } from "./batch.ts";
import { Fenced } from "./crash.ts";
import { Deadlines } from "./deadlines.ts";
import { Delivery } from "./delivery.ts";
import type { Call, Invoke } from "./invoke.ts";
import { answerOf, type Lane, type LaneStart, runLane } from "./lane.ts";
import { Lanes } from "./lanes.ts";
import { type IncarnationContext, MessageContext } from "./message_context.ts";
import type { MessageReader, ReadMessage } from "./message_reader.ts";
import type { Item, Partition } from "./partition.ts";
import { Reports } from "./reports.ts";
import { conclude, giveUp, messageOf, noteAttempt, release } from "./settlement.ts";
import { Slots } from "./slots.ts";
import { Signal } from "../fiber/signal.ts";

/** What an incarnation needs beside its partition. */
export interface IncarnationServices {
  /** Reads messages. */
  readonly reader: MessageReader;
  /** Publishes. */
  readonly sender: Sender;
}

// How long the loop may keep the event loop to itself, in milliseconds: heartbeats, HTTP and signals wait that long.
const SLICE = 4;
// The slowest call is forgotten by and by: a thousand others make it half as long.
const FADES = 0.5 ** (1 / 1_000);
// Records between two looks at the clock, at most: after a process was frozen so many begin before it is seen. And the
// milliseconds they may take: slower ones are looked at one by one.
const LOOK = 16;
const QUICK = 0.2;

/** See the module. */
export class Incarnation {
  readonly lanes: Lanes;
  readonly handlers: Handlers;
  readonly reports: Reports;
  /** Messages in flight; one that waits for its retry is not. */
  readonly slots: Slots;
  /** Whether a call of `receiveBatch` is under way. */
  batching = false;
  readonly #wake = new Signal();
  readonly #read: ReadMessage = { type: null, message: undefined };
  /** Records taken up by an earlier incarnation, or in a batch that failed: the oldest is the last. */
  #again: Item[];
  #crash: { readonly cause: Cause.Cause<unknown> } | null = null;
  /** The record the loop works on: a throw is its doing. */
  #inHand: Item | undefined;
  /** Publications that wait for room in the sender. */
  readonly #offering = new Set<Delivery>();
  /** Lanes that wait for room in the sender for what a message of the loop published. */
  #blocked = 0;

  constructor(
    readonly partition: Partition,
    readonly services: IncarnationServices,
    private readonly invoke: Invoke,
    private readonly clock: Clock.Clock,
    readonly context: IncarnationContext,
    readonly fork: (effect: Effect.Effect<void>) => void,
  ) {
    const { concurrency, order, receiveTimeout } = partition.actor.settings;
    this.lanes = new Lanes(order);
    this.slots = new Slots(concurrency);
    this.reports = new Reports(clock, context.logger);
    const { counters } = partition;
    this.handlers = new Handlers(new Deadlines(clock, receiveTimeout, fork), (ms) => {
      counters.slowest = Math.max(ms, counters.slowest * FADES);
    });
    this.#again = [...partition.reopened()].reverse();
    partition.wake = this.wake;
    partition.crash = this.crash;
    partition.progress = this.progress;
  }

  /** Looks for work again. */
  readonly wake = (): void => this.#wake.raise();

  /** Whether nothing may be begun or settled here any more. */
  get over(): boolean {
    return this.#crash !== null || this.partition.lease.fenced;
  }

  /** Tells one state of the work from the next; null while it waits as it should. */
  readonly progress = (): string | null => {
    const { partition } = this;
    if (this.#blocked > 0) return null; // for room in the sender, and so for the brokers
    const oldest = partition.oldest();
    const lane = oldest === null ? undefined : this.lanes.of(oldest);
    if (lane?.waits === "retry") return null;
    const { position, steps, history } = partition;
    // What is not in hand has its turn after others, as long as these get on.
    if (oldest === null || lane?.waits === "slot") return `${position} ${steps}`;
    return `${position} ${history.attempts(position)} ${history.failures(position)}`;
  };

  /** Runs until the partition is drained; fails with what ended it otherwise. */
  readonly run: Effect.Effect<void, unknown> = Effect.suspend(() => this.#turn());

  /** After {@linkcode run}, when the lanes are gone: what waits for room in the sender is left to the next. */
  end(): void {
    for (const delivery of this.#offering) delivery.abandon();
    this.#offering.clear();
  }

  #turn(): Effect.Effect<void, unknown> {
    this.#wake.clear();
    let more = false;
    try {
      more = this.#pump();
    } catch (defect) {
      this.crash(Cause.die(defect), this.#inHand);
    }
    const { partition } = this;
    if (this.#crash !== null) return Effect.failCause(this.#crash.cause);
    if (partition.lease.fenced) return Effect.fail(new Fenced(partition.lease.lost()));
    if (partition.fetchError !== null) {
      const { actor, topic, partition: number, position, fetchError } = partition;
      const cause = { cause: fetchError };
      return Effect.fail(new ActorFailed(actor.name, topic, number, position, fetchError.message, cause));
    }
    if (partition.draining && this.lanes.size === 0 && !this.batching && partition.unacknowledged === 0) {
      return Effect.void;
    }
    return Effect.flatMap(more ? Effect.yieldNow : this.#wake.wait, () => this.#turn());
  }

  /** Takes records up until there is none, or no slot, or the time is over (then true). */
  #pump(): boolean {
    const { partition, lanes, slots } = this;
    if (partition.draining) return false;
    const inBatches = partition.actor.receiveBatch !== undefined;
    let now = partition.tookTurn = monotonicMs(this.clock);
    const end = now + SLICE;
    if (!this.#held(now)) return false;
    let look = 1;
    for (let taken = 1; slots.free && this.#blocked === 0 && !this.batching && !this.over; taken++) {
      this.#inHand = undefined;
      // What was taken up before is received alone: the record that made a batch fail must be found.
      if (inBatches && this.#again.length === 0) return takeBatch(this);
      const item = this.next();
      if (item === null) return false;
      if (!lanes.park(item)) this.#start(item);
      if (taken < look) continue;
      const before = now;
      now = monotonicMs(this.clock);
      if (now >= end) return true;
      if (!this.#held(now)) return false;
      look = taken + (now - before < QUICK ? LOOK : 1);
    }
    return false;
  }

  /** Whether the lease is held; where it is not, the loop wakes up when it is renewed. */
  #held(now: number): boolean {
    const { lease } = this.partition;
    if (lease.state(now) === "valid") return true;
    lease.onceRenewed(this.wake);
    return false;
  }

  /** The next record to take up. */
  next(): Item | null {
    const again = this.#again.pop();
    if (again !== undefined) return again;
    const segment = this.partition.next();
    return segment === null ? null : { segment, index: segment.cursor++ };
  }

  /** Takes these up once more, each alone, before anything else. */
  receiveAlone(items: ReadonlyArray<Item>): void {
    this.#again.push(...items.toReversed());
  }

  /** Calls `receive`; opens a lane if the message can't be settled at once. */
  #start(item: Item): void {
    const call = this.call(item);
    if (call === null) return;
    const answer = answerOf(call);
    if (answer === null) {
      return isPromise(call.result) ? this.#await(item, call, call.result) : this.openLane(item, { call });
    }
    if (answer._tag === "Failed") return this.openLane(item, { call, answer });
    this.settle(item, call, answer);
  }

  /** Settles what needs no waiting; opens a lane for the rest. */
  settle(item: Item, call: Call, answer: Answered): void {
    if (answer._tag === "Done") {
      const rest = this.succeed(item, call);
      if (rest !== null) this.openLane(item, { rest });
    } else {
      const pause = conclude(this, item, call, answer);
      if (pause !== null) this.openLane(item, { pause });
    }
  }

  /** Reads the message and calls `receive`. Null where the record needed no call: it is settled. */
  call(item: Item): Call | null {
    const read = this.read(item);
    return read === null ? null : this.invoke(item, read.type, read.message, this.#attempt(item));
  }

  /** Reads the message; the result is good until the next call. Null where the record needs no `receive`. */
  read(item: Item): { readonly type: string; readonly message: unknown } | null {
    this.#inHand = item;
    const { partition, services } = this;
    const { segment, index } = item;
    const deaths = partition.history.deaths(segment.records.offset(index));
    if (deaths >= partition.actor.restart.killedAfter) {
      const last = partition.history.cause(segment.records.offset(index));
      const times = `the actor was killed ${deaths} times with this record in hand`;
      giveUp(this, item, "killed-actor", last === "" ? times : `${times}, last by: ${last}`);
      return null;
    }
    try {
      services.reader.read(segment.records, partition.partition, index, this.#read);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      giveUp(this, item, "decode", error.message);
      return null;
    }
    const first = partition.quarantine?.follows(item, this.#read.type !== null) ?? null;
    if (first !== null) {
      giveUp(this, item, "quarantined", `it follows the message of its key at offset ${first}`);
      return null;
    }
    if (this.#read.type !== null) return this.#read as { readonly type: string; readonly message: unknown };
    partition.counters.ignored++;
    partition.resolve(item);
    release(this, item);
    return null;
  }

  /** A context for a message that is received in a batch. */
  contextOf(item: Item): MessageContext {
    return new MessageContext(this.context, item.segment.records, item.index, this.#attempt(item));
  }

  /** The number of the attempt that begins now. */
  #attempt({ segment, index }: Item): number {
    const { partition } = this;
    const attempt = partition.history.attempts(segment.records.offset(index)) + 1;
    partition.counters.received++;
    if (attempt > 1) partition.counters.retried++;
    return attempt;
  }

  /** Opens the lane of a record's key. */
  openLane(item: Item, start: LaneStart): void {
    this.#run(this.#addLane(item, start), item, start);
  }

  #addLane(item: Item, start: LaneStart): Lane {
    this.slots.takeUnsafe();
    return this.lanes.open(item, start);
  }

  #run(lane: Lane, item: Item, start: LaneStart): void {
    if (start.rest !== undefined) this.#blocked++;
    this.fork(runLane(this, lane, start, item));
  }

  /** The lane is done. */
  closeLane(lane: Lane): void {
    this.lanes.close(lane);
    this.slots.give();
    this.wake();
  }

  /** The message succeeded: what it published goes to the sender. Null when it is all there. */
  succeed(item: Item, call: Call): Effect.Effect<void> | null {
    const { partition, services } = this;
    const { published } = call.context;
    call.context.close();
    if (published === null) {
      partition.counters.done++;
      partition.resolve(item);
      release(this, item);
      return null;
    }
    const delivery = new Delivery(partition, services.sender, item, published, call.context.attempt);
    release(this, item);
    const rest = delivery.offer();
    if (rest === null) return null;
    this.#offering.add(delivery);
    return Effect.map(rest, () => void this.#offering.delete(delivery));
  }

  /** The sender has room again for what a message of the loop published. */
  unblock(): void {
    this.#blocked--;
    this.wake();
  }

  /** Ends this incarnation with a cause; `item` is to blame, if any. */
  readonly crash = (cause: Cause.Cause<unknown>, item?: Item): void => {
    if (this.#crash !== null) return;
    if (item !== undefined) {
      this.partition.history.addDeath(item.segment.records.offset(item.index), messageOf(Cause.squash(cause)));
    }
    this.#crash = { cause };
    this.wake();
  };

  /** Waits for a call's pending result, at most for the actor's `receiveTimeout`. */
  wait(item: Item, call: Call): Effect.Effect<Answered> {
    noteAttempt(this, item, call.context);
    return this.waitFor(item, call.result, () => call.context.abort());
  }

  /** The same for any result; `abort` is told when it is given up. */
  waitFor(item: Item, result: unknown, abort: () => void): Effect.Effect<Answered> {
    return this.handlers.wait(result).pipe(
      Effect.map((answer) => answer._tag === "TimedOut" ? this.#timedOut(item, abort) : answer),
      Effect.onInterrupt(() => Effect.sync(abort)),
    );
  }

  /** Waits for a Promise without a fiber: what is done when it comes needs none. */
  #await(item: Item, call: Call, promise: PromiseLike<unknown>): void {
    noteAttempt(this, item, call.context);
    const lane = this.#addLane(item, { call });
    const abort = () => call.context.abort();
    this.handlers.await(promise, (came) => {
      const answer = came._tag === "TimedOut" ? this.#timedOut(item, abort) : came;
      try {
        if (this.over) return abort();
        if (answer._tag !== "Done" || lane.parked.length > 0) return this.#run(lane, item, { call, answer });
        const rest = this.succeed(item, call);
        if (rest === null) this.closeLane(lane);
        else this.#run(lane, item, { rest });
      } catch (defect) {
        this.crash(Cause.die(defect), item); // nobody else would hear of it
      }
    }, abort);
  }

  #timedOut(item: Item, abort: () => void): Answered {
    const { actor, topic, partition } = this.partition;
    const offset = item.segment.records.offset(item.index);
    abort();
    return failed(new ReceiveTimeout(actor.name, topic, partition, offset, actor.settings.receiveTimeout));
  }
}
