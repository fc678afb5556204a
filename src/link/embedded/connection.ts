/**
 * A connection to the embedded broker. It has no fiber: its calls' fibers apply what stands at its head, one request
 * after the other, as a broker does.
 * @module
 */
import { Effect } from "effect";
import { ConnectionError } from "../../errors.ts";
import type { BrokerAddress, Connection, Role } from "../link.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import type { Broker } from "./broker.ts";
import { brokerAddress } from "./broker_address.ts";
import { errorAnswer } from "./error_answer.ts";
import type { Intercept } from "./faults.ts";
import { type Moment, momentOf } from "./moment.ts";
import { PendingCall } from "./pending_call.ts";
import { unanswered } from "./produce.ts";
import { Waiting } from "./waiting.ts";

/** How long a call may take unless it says so, in milliseconds. */
const requestTimeout = 30_000;

/** What a connection talks to. */
export interface Server {
  /** The broker. */
  readonly broker: Broker;
  /** Who decides about faults, or null. */
  readonly intercept: Intercept | null;
}

/** One connection, open from the beginning. */
export class EmbeddedConnection implements Connection {
  readonly address: BrokerAddress = brokerAddress;
  readonly #queue: Array<PendingCall<ApiName>> = [];
  /** Calls that have been applied and whose answers are late. */
  readonly #late = new Set<PendingCall<ApiName>>();
  /** No answer comes before this time: it would overtake a late one. */
  #answersFrom = -Infinity;
  #fault: ConnectionError | null = null;

  /** `number` counts connections from 1; `ended` is told once. */
  constructor(
    readonly server: Server,
    readonly number: number,
    readonly role: Role,
    readonly ended: (connection: EmbeddedConnection) => void,
  ) {}

  /** True until it ends. */
  readonly isOpen = (): boolean => this.#fault === null;

  /** Runs one request; see `Connection`. */
  readonly call = <A extends ApiName>(
    api: A,
    request: Request<A>,
    timeout: number = requestTimeout,
  ): Effect.Effect<Answer<A>, ConnectionError> =>
    Effect.withFiber<Answer<A>, ConnectionError>((fiber) => {
      if (this.#fault !== null) return Effect.fail(closed("it has ended"));
      const now = momentOf(fiber);
      const call = new PendingCall(api, request, now.monotonic + timeout);
      this.#queue.push(call as unknown as PendingCall<ApiName>);
      this.#pump(now);
      // Nobody has an answer before others had their turn.
      return Effect.andThen(Effect.yieldNow, this.#answer(call));
    });

  /** Ends it at once. */
  readonly close: Effect.Effect<void> = Effect.sync(() => this.end("closed by this client"));

  /** Ends it: all calls under way fail; those that were not applied never are. */
  end(detail: string): void {
    if (this.#fault !== null) return;
    this.#fault = closed(detail);
    for (const call of this.#queue) {
      call.unpark();
      call.wake();
    }
    this.#queue.length = 0;
    for (const call of this.#late) call.wake();
    this.#late.clear();
    this.ended(this);
  }

  /** Waits for a call's answer. */
  #answer<A extends ApiName>(call: PendingCall<A>): Effect.Effect<Answer<A>, ConnectionError> {
    return Effect.withFiber<Answer<A>, ConnectionError>((fiber) => {
      const now = momentOf(fiber);
      call.clear();
      this.#pump(now);
      const { answer, answerAt, deadline } = call;
      this.#late.delete(call as unknown as PendingCall<ApiName>);
      if (answer !== null && unanswered(call)) return Effect.succeed(answer);
      if (this.#fault !== null) return Effect.fail(this.#fault);
      if (answer !== null && now.monotonic >= answerAt) return Effect.succeed(answer);
      if (now.monotonic >= deadline) {
        const late = `${call.api} had no answer in time`;
        this.end(late);
        return Effect.fail(new ConnectionError(place, "timeout", late));
      }
      if (answer !== null) this.#late.add(call as unknown as PendingCall<ApiName>);
      const until = answer !== null ? answerAt : this.#queue[0]?.until() ?? Infinity;
      return Effect.andThen(call.sleep(Math.min(until, deadline) - now.monotonic), this.#answer(call));
    });
  }

  /** Moves on as far as it goes: the head blocks all behind it. Any of the fibers does this, for all of them. */
  #pump(now: Moment): void {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (!this.#step(head, now)) return;
      this.#queue.shift();
      head.wake();
    }
  }

  /** Moves the head on; whether it is done with. */
  #step<A extends ApiName>(call: PendingCall<A>, now: Moment): boolean {
    if (!call.asked) this.#intercepted(call, now);
    if (this.#fault !== null) return false;
    if (call.answer === null) {
      if (now.monotonic < call.notBefore) return false;
      const answer = this.#apply(call, now);
      if (answer === null) return false;
      call.answer = answer;
    }
    if (call.fate === "lost") {
      this.end(`the answer to ${call.api} was lost`);
      return false;
    }
    if (call.fate === "late") this.#answersFrom = Math.max(this.#answersFrom, now.monotonic + call.lateness);
    call.answerAt = this.#answersFrom;
    if (unanswered(call)) return this.#silently(call);
    return true;
  }

  #apply<A extends ApiName>(call: PendingCall<A>, now: Moment): Answer<A> | null {
    const { api, request, waiting } = call;
    if (waiting !== null) {
      const answer = waiting.poll(now);
      if (answer !== null) call.unpark();
      return answer;
    }
    const answer = this.server.broker.apply(api, request, now);
    if (!(answer instanceof Waiting)) return answer;
    // The calls behind it wait for it, too, and its own fiber may have gone.
    call.park(answer, () => this.#queue.forEach((waiter) => waiter.wake()));
    return null;
  }

  #intercepted<A extends ApiName>(call: PendingCall<A>, now: Moment): void {
    call.asked = true;
    const { api, request } = call;
    const fault = this.server.intercept?.({ api, request, connection: this.number, role: this.role }) ?? null;
    switch (fault?._tag) {
      case "Refuse":
        return this.end(`${api} was refused`);
      case "LoseAnswer":
        call.fate = "lost";
        return;
      case "Late":
        call.fate = "late";
        call.lateness = fault.ms;
        return;
      case "Delay":
        call.notBefore = now.monotonic + fault.ms;
        return;
      case "Never":
        call.notBefore = Infinity;
        return;
      case "ErrorAnswer":
        call.answer = errorAnswer(api, request, fault.code);
    }
  }

  /** A producer that wants no answer is told of an error by the end of its connection alone. */
  #silently(call: PendingCall<"Produce">): boolean {
    const answer = call.answer;
    if (answer === null) return false;
    const failed = answer.topics.some(({ partitions }) => partitions.some(({ errorCode }) => errorCode !== 0));
    call.answer = {
      throttleTimeMs: 0,
      topics: answer.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partition }) => ({
          partition,
          errorCode: 0,
          baseOffset: -1,
          logAppendTimeMs: -1,
        })),
      })),
    };
    if (failed) this.end("a Produce without acknowledgement failed");
    return !failed;
  }
}

const place = `${brokerAddress.host}:${brokerAddress.port}`;

function closed(detail: string): ConnectionError {
  return new ConnectionError(place, "closed", detail);
}
