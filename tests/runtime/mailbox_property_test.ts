/** A mailbox beside a plain list, used as a partition uses it: chunks come, are taken whole or in part, and resolved. */
import fc from "fast-check";
import type { FetchedChunk } from "../../src/client/port.ts";
import { Mailbox, type MailboxLimits } from "../../src/runtime/mailbox.ts";
import { assert, assertEquals } from "../assert.ts";

function chunk(from: number, count: number, bytes: number): FetchedChunk {
  const next = from + count;
  return {
    topic: "t",
    partition: 0,
    bytes: new Uint8Array(bytes),
    from,
    next,
    count,
    highWatermark: next,
    aborted: [],
  };
}

interface Model {
  readonly waiting: FetchedChunk[];
  /** Held outside: what is taken and not resolved. */
  records: number;
  bytes: number;
  next: number;
  paused: boolean;
  readonly limits: MailboxLimits;
}

/** A mailbox and what it has told the fetcher. */
interface Real {
  readonly mailbox: Mailbox;
  readonly flow: string[];
}

abstract class Command implements fc.Command<Model, Real> {
  check(_model: Readonly<Model>): boolean {
    return true;
  }
  abstract act(model: Model, mailbox: Mailbox): void;
  abstract toString(): string;

  run(model: Model, { mailbox, flow }: Real): void {
    const before = flow.length;
    this.act(model, mailbox);
    const records = model.waiting.reduce((sum, { count }) => sum + count, model.records);
    const bytes = model.waiting.reduce((sum, { bytes }) => sum + bytes.length, model.bytes);
    assertEquals([mailbox.records, mailbox.bytes], [records, bytes]);
    assertEquals(mailbox.peek(), model.waiting[0]);
    assertEquals(mailbox.empty, model.waiting.length === 0);
    // Between the limit and half of it the flow stays as it was.
    const { limits } = model;
    const full = records >= limits.records || bytes >= limits.bytes;
    const low = records * 2 <= limits.records && bytes * 2 <= limits.bytes;
    const paused = model.paused ? !low : full;
    assertEquals(flow.slice(before), paused === model.paused ? [] : [paused ? "pause" : "resume"]);
    assertEquals(mailbox.paused, paused);
    model.paused = paused;
  }
}

class Push extends Command {
  constructor(readonly count: number, readonly bytes: number) {
    super();
  }
  act(model: Model, mailbox: Mailbox): void {
    const pushed = chunk(model.next, this.count, this.bytes);
    model.next = pushed.next;
    model.waiting.push(pushed);
    mailbox.push(pushed);
  }
  toString = () => `push(${this.count}, ${this.bytes})`;
}

/** Takes the oldest chunk, or the first part of it. */
class Shift extends Command {
  constructor(readonly part: number) {
    super();
  }
  override check = (model: Readonly<Model>) => model.waiting.length > 0;
  act(model: Model, mailbox: Mailbox): void {
    const [{ from, count, bytes }] = model.waiting;
    const taken = this.part < 1 ? Math.floor(count * this.part) : count;
    const takenBytes = this.part < 1 ? Math.floor(bytes.length * this.part) : bytes.length;
    const rest = this.part < 1 ? chunk(from + taken, count - taken, bytes.length - takenBytes) : null;
    mailbox.shift(rest);
    model.records += taken;
    model.bytes += takenBytes;
    if (rest === null) model.waiting.shift();
    else model.waiting[0] = rest;
  }
  toString = () => `shift(${this.part})`;
}

class Clear extends Command {
  act(model: Model, mailbox: Mailbox): void {
    mailbox.clear();
    model.waiting.length = 0;
  }
  toString = () => "clear";
}

class Hold extends Command {
  constructor(readonly records: number, readonly bytes: number) {
    super();
  }
  act(model: Model, mailbox: Mailbox): void {
    mailbox.hold(this.records, this.bytes);
    model.records += this.records;
    model.bytes += this.bytes;
  }
  toString = () => `hold(${this.records}, ${this.bytes})`;
}

/** Part of what is held outside. */
class Release extends Command {
  constructor(readonly records: number, readonly bytes: number) {
    super();
  }
  act(model: Model, mailbox: Mailbox): void {
    const records = Math.ceil(model.records * this.records / 4);
    const bytes = Math.ceil(model.bytes * this.bytes / 4);
    mailbox.release(records, bytes);
    model.records -= records;
    model.bytes -= bytes;
  }
  toString = () => `release(${this.records}/4, ${this.bytes}/4)`;
}

const commands = fc.commands<Model, Real>([
  fc.tuple(fc.nat(8), fc.nat(40)).map(([count, bytes]) => new Push(count, bytes)),
  fc.constantFrom(1, 1, 0, 0.3, 0.5).map((part) => new Shift(part)),
  fc.constant(new Clear()),
  fc.tuple(fc.nat(6), fc.nat(30)).map(([records, bytes]) => new Hold(records, bytes)),
  fc.tuple(fc.nat(4), fc.nat(4)).map(([records, bytes]) => new Release(records, bytes)),
  fc.tuple(fc.nat(4), fc.nat(4)).map(([records, bytes]) => new Release(records, bytes)),
], { maxCommands: 60, size: "max" });

const limits = fc.record({ records: fc.integer({ min: 1, max: 25 }), bytes: fc.integer({ min: 1, max: 130 }) });

Deno.test("property: Mailbox counts what a list counts, and tells the fetcher of each change once, whatever its limits", () =>
  fc.assert(
    fc.property(limits, commands, (limits, commands) => {
      const flow: string[] = [];
      const mailbox = new Mailbox(limits, { pause: () => flow.push("pause"), resume: () => flow.push("resume") });
      const model: Model = { waiting: [], records: 0, bytes: 0, next: 0, paused: false, limits };
      fc.modelRun(() => ({ model, real: { mailbox, flow } }), commands);
      // Whatever went before, a mailbox with nothing in it lets records come.
      mailbox.clear();
      mailbox.release(model.records, model.bytes);
      assert(!mailbox.paused && mailbox.empty);
      assertEquals([mailbox.records, mailbox.bytes], [0, 0]);
    }),
    { numRuns: 300 },
  ));
