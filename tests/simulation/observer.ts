/**
 * Watches a simulation from outside: what actors are given and answer, what stands in the logs, what is committed. It
 * knows nothing of the runtime's own state.
 * @module
 */
import type { ActorContext } from "../../src/context.ts";
import type { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { type ConsumerRecord, headerText } from "../../src/record.ts";
import { LogReader } from "../../src/testing/log_reader.ts";
import { overtaken } from "./in_order.ts";
import { type Call, type End, isGivenUp, isNewer, type Known, name, type Owner } from "./known.ts";
import { Notes } from "./notes.ts";
import type { Habits } from "./script.ts";
import { StoredOrder } from "./stored_order.ts";
import {
  GROUP,
  GROWN,
  KILLED_AFTER,
  LETTERS,
  NOTES,
  PARTITIONS,
  RECEIVE_TIMEOUT,
  RESULTS,
  RETRIES,
  type Task,
  TASKS,
} from "./workload.ts";

// Longer than any trouble lasts, in milliseconds.
const PATIENT = 20_000;

type Received = Pick<ActorContext<never>, "lease" | "attempt" | "offset" | "partition">;

/** See the module. */
export class Observer {
  readonly violations: string[] = [];
  /** Whether everything has to go well from here on. */
  calm = false;
  readonly trace: string[] = [];
  readonly tasks = new Map<number, Known>();
  /** Tasks by partition, in offset order. */
  readonly logs: Known[][] = Array.from({ length: GROWN }, () => []);
  readonly committed: number[] = Array.from({ length: GROWN }, () => 0);
  readonly #owners = new Map<object, Owner>();
  readonly #latest: Array<Owner | undefined> = [];
  readonly #calls: Call[] = [];
  readonly #reader: LogReader;
  readonly #ends: number[] = [];
  /** How often the broker has died. */
  #lives = 0;
  /** Until when something may go on that nobody can end. */
  busyUntil = 0;
  readonly #stored = new Set<string>();
  /** By key, the offset of the latest task whose results stand in the log. */
  readonly #reached = new Map<string, number>();
  readonly #sent = new Set<string>();
  readonly #order = new StoredOrder();

  /** What processes publish beside their actors. */
  readonly notes: Notes = new Notes((text) => this.violation(text));

  constructor(
    private kafka: EmbeddedKafka,
    private readonly now: () => number,
    readonly habits: Habits,
    readonly traced: boolean,
  ) {
    this.#reader = new LogReader({ topics: () => this.kafka.topics(), log: (...at) => this.kafka.log(...at) });
  }

  /** The broker has died, and this one has read its file. */
  reborn(kafka: EmbeddedKafka): void {
    this.kafka = kafka;
    this.#lives++;
  }

  /** Something has begun that goes on for so many milliseconds, whatever happens. */
  busy(ms: number): void {
    this.busyUntil = Math.max(this.busyUntil, this.now() + ms);
  }

  /** Writes a line of the trace. */
  note(line: string): void {
    if (this.traced) this.trace.push(`${this.now()} ${line}`);
  }

  /** Something that must not be. */
  violation(text: string): void {
    this.note(`VIOLATION: ${text}`);
    this.violations.push(`at ${this.now()} ms: ${text}`);
  }

  /** A task was written to the log. */
  written(task: Task): void {
    const log = this.logs[task.partition];
    const known = { task, offset: log.length, calls: [], failures: 0, deaths: 0, letters: 0, parts: new Set<number>() };
    log.push(known);
    this.tasks.set(task.id, known);
    this.note(`written ${name(known)} ${task.key} ${task.behaviour}`);
  }

  /** An actor is given a task. */
  began(process: string, id: number, context: Received): Call {
    const known = this.#known(id);
    const owner = this.#owner(process, known.task.partition, context);
    const call: Call = {
      id: this.#calls.length,
      task: known.task,
      number: known.calls.length + 1,
      owner,
      at: this.now(),
      begun: false,
      end: null,
    };
    if (this.traced) {
      this.note(`${process} #${owner.number} receives ${name(known)} (attempt ${context.attempt}, call ${call.id})`);
    }
    if (context.offset !== known.offset || context.partition !== known.task.partition) {
      this.violation(`${name(known)} is received as ${context.partition}@${context.offset}`);
    }
    const before = owner.calls.get(id);
    // A batch whose time is over is told to end, and not waited for.
    if (before?.begun === true && before.end === null && !this.habits.batches) {
      this.violation(`${name(known)} is received twice at once`);
    }
    // What is received in a batch may begin within a call that began long before.
    if (!owner.held() && !this.habits.batches) {
      this.violation(`${process} #${owner.number} receives ${name(known)} under a lease in doubt`);
    }
    const log = this.logs[known.task.partition];
    for (const text of overtaken(known, owner, log, this.habits.order, this.resolved)) this.violation(text);
    const latest = this.#latest[known.task.partition];
    if (latest === undefined || isNewer(owner, latest)) this.#latest[known.task.partition] = owner;
    else if (latest !== owner && owner.held()) {
      this.violation(`${process} and ${latest.process} both hold partition ${known.task.partition}`);
    }
    owner.calls.set(id, call);
    known.calls.push(call);
    this.#calls.push(call);
    return call;
  }

  /** The call has ended. */
  ended(call: Call, end: End): void {
    if (call.end !== null) return;
    call.end = end;
    const known = this.#known(call.task.id);
    const late = end === "succeeded" && this.now() - call.at >= RECEIVE_TIMEOUT;
    if (end === "failed" || end === "interrupted" || late) known.failures++;
    if (end === "died") known.deaths++;
    if (this.traced) this.note(`${call.owner.process} #${call.owner.number} ${end} ${name(known)} (call ${call.id})`);
  }

  /** Results are on their way: not for the first time from one whose partition another has begun to work on. */
  sending(process: string, results: ReadonlyArray<ConsumerRecord>): void {
    for (const record of results) {
      const { call, part } = read(record);
      const once = `${call}/${part}`;
      if (this.#sent.has(once)) continue;
      this.#sent.add(once);
      const { owner } = this.#calls[call];
      if (!owner.held()) {
        this.violation(`${process} #${owner.number} sends something new of ${owner.partition} under a lease in doubt`);
      }
      const latest = this.#latest[owner.partition];
      if (latest === undefined || !isNewer(latest, owner)) continue;
      this.violation(
        `${process} #${owner.number} sends something new for partition ${owner.partition}, which ${latest.process} #${latest.number} works on`,
      );
    }
  }

  /** A process asks for more of a partition: it must have room. */
  fetching(process: string, partition: number, offset: number, capacity: number): void {
    let held = 0;
    const log = this.logs[partition];
    for (let at = this.committed[partition]; at < Math.min(offset, log.length); at++) {
      if (!this.resolved(log[at])) held++;
    }
    if (held >= capacity) {
      this.violation(`${process} fetches ${partition}@${offset} while ${held} records are not resolved`);
    }
  }

  /** Looks at the logs and the commits: to be called after every step. */
  look(): void {
    let at = 0;
    let more = false;
    for (const topic of WRITTEN) {
      for (let partition = 0; partition < this.#partitions; partition++, at++) {
        const end = this.kafka.log(topic, partition)?.endOffset ?? 0;
        const before = this.#ends[at] ?? 0;
        if (before === end) continue;
        if (end < before) this.violation(`${topic}/${partition} ends at ${end}, and ended at ${before} before`);
        this.#ends[at] = end;
        more = true;
      }
    }
    if (more) {
      for (const record of this.#reader.read(WRITTEN)) {
        if (record.topic === RESULTS) this.#result(record);
        else if (record.topic === LETTERS) this.#letter(record);
        else this.notes.stored(record);
      }
    }
    for (let partition = 0; partition < this.#partitions; partition++) {
      const offset = this.kafka.committed(GROUP, TASKS, partition)?.offset ?? 0;
      if (offset !== this.committed[partition]) this.#commit(partition, offset);
    }
  }

  /** Whether nothing is left to do for a task. */
  readonly resolved = (known: Known): boolean => {
    if (known.task.behaviour === "foreign" || known.letters > 0) return true;
    return known.calls.some(({ end }) =>
      end === "skipped" || (end === "succeeded" && known.parts.size === known.task.outputs)
    );
  };

  /** Whether every task is resolved and committed. */
  get finished(): boolean {
    for (let partition = 0; partition < GROWN; partition++) {
      const log = this.logs[partition];
      if (this.committed[partition] < log.length) return false;
      for (const known of log) if (!this.resolved(known)) return false;
    }
    return true;
  }

  /** Tasks that are not resolved, and partitions that are not committed to the end, in words. */
  unfinished(): ReadonlyArray<string> {
    const left: string[] = [];
    for (const [partition, log] of this.logs.entries()) {
      for (const known of log) if (!this.resolved(known)) left.push(`${name(known)} is not resolved`);
      const committed = this.committed[partition];
      if (committed < log.length) left.push(`partition ${partition} is committed up to ${committed} of ${log.length}`);
    }
    return left;
  }

  /** Looks at how everything stands at the end. */
  lookBack(): void {
    for (const log of this.logs) {
      for (const text of this.#order.misplaced(log, this.habits.order)) this.violation(text);
    }
  }

  get #partitions(): number {
    return this.habits.grows ? GROWN : PARTITIONS;
  }

  #owner(process: string, partition: number, { lease }: Received): Owner {
    let owner = this.#owners.get(lease);
    if (owner === undefined) {
      const { generation, held } = lease;
      const life = this.#lives;
      owner = { process, partition, number: this.#owners.size, life, generation, held, calls: new Map() };
      this.#owners.set(lease, owner);
    }
    return owner;
  }

  #known(id: number): Known {
    const known = this.tasks.get(id);
    if (known === undefined) throw new Error(`there is no task ${id}`);
    return known;
  }

  #result(record: ConsumerRecord): void {
    const { id, call, part } = read(record);
    const known = this.#known(id);
    const { end, owner } = this.#calls[call];
    this.note(`stored result ${part} of ${name(known)} by ${owner.process} (call ${call})`);
    if (end !== "succeeded") this.violation(`a result of ${name(known)} is stored, but its call was ${end}`);
    const once = `${call}/${part}`;
    if (this.#stored.has(once)) this.violation(`result ${part} of ${name(known)}, call ${call}, is stored twice`);
    this.#stored.add(once);
    this.#order.stored(known);
    if (known.parts.has(part)) return;
    const { order, deliveryTimeout } = this.habits;
    const line = order === "partition" ? "" : known.task.key;
    const reached = this.#reached.get(`${known.task.partition} ${line}`) ?? -1;
    // Where a publish may fail for good what follows it may be stored first; then it is stored once more.
    const ordered = order !== "none" && deliveryTimeout > PATIENT;
    // What was given up is done with: its key goes on before its letter is stored, and a next owner may do better.
    if (ordered && known.offset < reached && !isGivenUp(known)) {
      this.violation(`the results of ${name(known)} stand behind those of a later task of ${line} (${reached})`);
    }
    if (ordered && part !== known.parts.size) {
      this.violation(`result ${part} of ${name(known)} stands before ${known.parts.size}`);
    }
    this.#reached.set(`${known.task.partition} ${line}`, Math.max(reached, known.offset));
    known.parts.add(part);
  }

  #letter({ headers }: ConsumerRecord): void {
    const partition = Number(headerText(headers, "dlt-partition"));
    const known = this.logs[partition][Number(headerText(headers, "dlt-offset"))];
    const reason = headerText(headers, "dlt-reason");
    this.note(`stored letter of ${name(known)}: ${reason}`);
    known.letters++;
    const { failures, deaths, task: { behaviour } } = known;
    const right = {
      "decode": behaviour === "poison",
      "rejected": behaviour === "reject",
      "retries-exhausted": failures > RETRIES,
      "killed-actor": deaths >= KILLED_AFTER,
    }[reason ?? ""];
    if (right !== true) {
      this.violation(`${name(known)} became a dead letter for ${reason}: ${failures} failures, ${deaths} deaths`);
    }
  }

  #commit(partition: number, offset: number): void {
    const before = this.committed[partition];
    this.note(`committed ${partition}@${offset}`);
    if (offset < before) this.violation(`the commit of partition ${partition} goes back from ${before} to ${offset}`);
    for (const known of this.logs[partition].slice(before, offset)) {
      if (!this.resolved(known)) this.violation(`the commit ${partition}@${offset} passes ${name(known)}`);
    }
    if (offset > this.logs[partition].length) this.violation(`the commit ${partition}@${offset} is beyond the log`);
    this.committed[partition] = offset;
  }
}

/** What a result says. */
function read({ value }: ConsumerRecord): { readonly id: number; readonly call: number; readonly part: number } {
  return JSON.parse(decoder.decode(value ?? undefined));
}

const decoder = new TextDecoder();
const WRITTEN = [RESULTS, LETTERS, NOTES];
