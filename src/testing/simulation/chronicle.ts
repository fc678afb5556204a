/**
 * Watches a simulation from outside: what actors are given and how that ends, what stands in the logs, what is committed.
 * It knows nothing of the runtime's own state.
 * @module
 */
import type { ActorDefinition } from "../../actor.ts";
import type { ActorContext } from "../../context.ts";
import type { EventDefinition } from "../../event.ts";
import type { EmbeddedKafka } from "../../link/embedded/embedded.ts";
import { type ConsumerRecord, headerText, partitionKey } from "../../record.ts";
import { LogReader } from "../log_reader.ts";
import { type Call, type End, type Known, nameOf, placeOf, stateOf } from "./call.ts";
import { outOfOrder } from "./in_order.ts";
import { CALL_HEADER } from "./watched_actor.ts";

/** What of the promises is broken. */
export type Promised = "order" | "loss" | "repeat" | "end" | "leftovers" | "failure" | "check" | "seed";

/** A promise that was broken. */
export interface Violation {
  /** Which. */
  readonly promise: Promised;
  /** In words. */
  readonly text: string;
}

type Given = Pick<ActorContext, "lease" | "attempt" | "offset" | "partition" | "topic">;

/** See the module. */
export class Chronicle {
  readonly violations: Violation[] = [];
  readonly trace: string[] = [];
  readonly calls: Call[] = [];
  /** All records, in the order they were written, dead letters too. */
  readonly records: ConsumerRecord[] = [];
  readonly actors = new Map<string, ActorDefinition>();
  /** Whether everything has to go well from here on. */
  calm = false;
  readonly #reader: LogReader;
  readonly #logs = new Map<string, ConsumerRecord[]>();
  readonly #known = new Map<string, Known>();
  readonly #committed = new Map<string, number>();
  /** Partitions whose actor has died in the calm: what else was in hand there is received again. */
  readonly #disturbed = new Set<string>();

  constructor(
    private readonly kafka: EmbeddedKafka,
    private readonly now: () => number,
    private readonly events: ReadonlyArray<EventDefinition>,
  ) {
    this.#reader = new LogReader(kafka);
  }

  /** Writes a line of the trace. */
  note(line: string): void {
    this.trace.push(`${this.now()} ${line}`);
  }

  /** Something that must not be. */
  violation(promise: Promised, text: string): void {
    this.note(`BROKEN (${promise}): ${text}`);
    this.violations.push({ promise, text: `at ${this.now()} ms: ${text}` });
  }

  /** A process has these actors. */
  meets(actors: ReadonlyArray<ActorDefinition>): void {
    for (const actor of actors) this.actors.set(actor.name, actor);
  }

  /** An actor is given a record. */
  began(process: string, { name }: ActorDefinition, given: Given, batch: object | null): Call {
    const { topic, partition, offset, lease, attempt } = given;
    const known = this.known(name, topic, partition, offset);
    const call: Call = {
      id: this.calls.length,
      known,
      process,
      owner: lease,
      batch,
      attempt,
      began: this.now(),
      end: null,
      ended: -1,
      endedBefore: -1,
      stray: false,
      outputs: 0,
      stored: new Set(),
    };
    this.note(`${process}: ${nameOf(known)} is received, attempt ${attempt}`);
    for (const text of outOfOrder(call, this.#peers(known))) this.violation("order", text);
    if (this.calm && !this.#disturbed.has(placeOf(known))) {
      const before = known.calls.find(({ end }) => end === "done" || end === "skipped" || end === "rejected");
      if (before !== undefined) {
        this.violation(
          "repeat",
          `${process} receives ${
            nameOf(known)
          } again in a hand-over without trouble; ${before.process} was done with it`,
        );
      }
    }
    known.calls.push(call);
    this.calls.push(call);
    return call;
  }

  /** The call has ended; what comes later is not heard. */
  ended(call: Call, end: End): void {
    if (call.end !== null) return;
    call.end = end;
    call.ended = this.now();
    call.endedBefore = this.calls.length;
    if (end === "died" && this.calm) this.#disturbed.add(placeOf(call.known));
    this.note(`${call.process}: ${nameOf(call.known)} ${end}`);
  }

  /** The process was killed. */
  crashed(process: string): void {
    for (const call of this.calls) if (call.process === process) this.ended(call, "crashed");
  }

  /** Whether Promises of this process go on although they were given up. */
  strays(process: string): boolean {
    return this.calls.some((call) => call.stray && call.process === process);
  }

  /** Looks at the logs and the commits: to be called after whatever can have changed them. */
  look(): void {
    for (const record of this.#reader.read()) this.#written(record);
    for (const { actor, topic, partition, log } of this.#intakes()) {
      const place = `${actor.name} ${topic}/${partition}`;
      const before = this.#committed.get(place) ?? 0;
      const offset = this.kafka.committed(actor.group, topic, partition)?.offset ?? 0;
      if (offset === before) continue;
      this.#committed.set(place, offset);
      this.note(`${place}@${offset} is committed`);
      for (const { offset: each } of log.slice(before, offset)) {
        const known = this.known(actor.name, topic, partition, each);
        if (!this.resolved(known)) this.violation("loss", `the commit ${place}@${offset} passes ${stateOf(known)}`);
      }
    }
  }

  /** Whether nothing is left to do for a record. */
  resolved(known: Known): boolean {
    const { actor, calls, letters } = known;
    if (letters > 0 || this.#passedOver(known)) return true;
    return calls.some(({ end, outputs, stored }) =>
      end === "skipped" || (end === "done" && stored.size === outputs) ||
      (end === "failed" && actor.settings.onFailure === "skip")
    );
  }

  /** Records that are not resolved, and partitions that are not committed to the end, in words. */
  unfinished(): ReadonlyArray<string> {
    const left: string[] = [];
    for (const { actor, topic, partition, log } of this.#intakes()) {
      for (const { offset } of log) {
        const known = this.known(actor.name, topic, partition, offset);
        if (!this.resolved(known)) left.push(stateOf(known));
      }
      const committed = this.#committed.get(`${actor.name} ${topic}/${partition}`) ?? 0;
      if (committed < log.length) {
        left.push(`${actor.name} has committed ${topic}/${partition} up to ${committed} only`);
      }
    }
    return left;
  }

  /** A record as an actor has to see to it. */
  known(name: string, topic: string, partition: number, offset: number): Known {
    const place = `${name} ${topic}/${partition}@${offset}`;
    let known = this.#known.get(place);
    if (known === undefined) {
      const actor = this.actors.get(name);
      const record = this.#logs.get(partitionKey(topic, partition))?.[offset];
      if (actor === undefined || record === undefined) throw new Error(`nobody has written ${place}`);
      this.#known.set(place, known = { actor, record, calls: [], letters: 0 });
    }
    return known;
  }

  #written(record: ConsumerRecord): void {
    const { topic, partition, offset, headers } = record;
    this.records.push(record);
    const place = partitionKey(topic, partition);
    const log = this.#logs.get(place);
    if (log === undefined) this.#logs.set(place, [record]);
    else log.push(record);
    this.note(`${topic}/${partition}@${offset} is written`);
    const published = headerText(headers, CALL_HEADER);
    if (published !== undefined) this.calls[Number(published.split("/")[0])]?.stored.add(published);
    const actor = headerText(headers, "dlt-actor");
    const of = this.actors.get(actor ?? "");
    const source = headerText(headers, "dlt-topic") ?? "";
    if (of === undefined || of.settings.deadLetterTopic(source) !== topic) return;
    this.known(of.name, source, Number(headerText(headers, "dlt-partition")), Number(headerText(headers, "dlt-offset")))
      .letters++;
  }

  /** All partitions that actors receive. */
  *#intakes() {
    for (const actor of this.actors.values()) {
      for (const topic of new Set(actor.receives.map((event) => event.topic))) {
        for (let partition = 0; this.kafka.log(topic, partition) !== undefined; partition++) {
          yield { actor, topic, partition, log: this.#logs.get(partitionKey(topic, partition)) ?? [] };
        }
      }
    }
  }

  /** Whether it carries an event that this actor does not receive. */
  #passedOver({ actor, record: { topic, headers } }: Known): boolean {
    const of = (event: EventDefinition) => event.topic === topic;
    const type = headerText(headers, "type");
    const known = [...this.events, ...Array.from(this.actors.values(), (a) => [...a.receives, ...a.publishes]).flat()];
    return type !== undefined && known.some((event) => of(event) && event.name === type) &&
      !actor.receives.some((event) => of(event) && event.name === type);
  }

  /** The records of its partition that this actor was given. */
  *#peers({ actor, record: { topic, partition } }: Known): Iterable<Known> {
    for (const { offset } of this.#logs.get(partitionKey(topic, partition)) ?? []) {
      const known = this.#known.get(`${actor.name} ${topic}/${partition}@${offset}`);
      if (known !== undefined) yield known;
    }
  }
}
