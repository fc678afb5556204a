/**
 * One key of one partition, as small as it can be modelled: what is published, the actor's window, letters, commits,
 * crashes, and a redrive that sends letters back in any order and more than once. Only the rule is real.
 * @module
 */
import type { LetterTurn } from "../../../src/dead_letter/turn.ts";
import { isServed, type Served, servedAfter, turnOf } from "../../../src/runtime/turns.ts";

/** The rule: whose turn it is. */
export interface Rule {
  readonly isServed: typeof isServed;
  readonly servedAfter: typeof servedAfter;
  readonly turnOf: typeof turnOf;
  /** Whether a letter waits for what an earlier message has published. */
  readonly waits: boolean;
  /** Whether what is served by a publication that may fail yet counts for what is written and committed. */
  readonly hasty: boolean;
}

/** The real one. */
export const rule: Rule = { isServed, servedAfter, turnOf, waits: true, hasty: false };

type State = "open" | "settled" | "condemned" | "resolved";

interface LogRecord {
  /** Which message it is: messages are numbered in the order they were published. */
  readonly message: number;
  readonly turn: LetterTurn | null;
}

interface InFlight {
  readonly at: number;
  /** As it is sent: with others, none of which counts before all are acknowledged. */
  letter: (LogRecord & { readonly turn: LetterTurn }) | null;
  stored: boolean;
}

interface Kept {
  readonly key: Served | null;
  readonly resolved: ReadonlyArray<number>;
}

/** What may happen next, by chance. */
export type Step =
  | "publish"
  | "take"
  | "fail"
  | "write"
  | "acknowledge"
  | "refuse"
  | "commit"
  | "commitLess"
  | "crash"
  | "late"
  | "redrive"
  | "redriveAny";

/** See the module. */
export class KeyModel {
  readonly log: LogRecord[] = [];
  readonly letters: Array<LogRecord & { readonly turn: LetterTurn }> = [];
  readonly redriven = new Set<number>();
  published = 0;
  /** Messages that were received to their end before the last crash. */
  readonly #doneBefore = new Set<number>();
  /** Records that were received to their end since. */
  readonly #done = new Set<number>();
  /** The first thing that went wrong. */
  wrong: string | null = null;
  key: Served | null = null;
  #states: State[] = [];
  #line: InFlight[] = [];
  /** Served by these, whose publications are not acknowledged yet: what was served before each. */
  #recent: Array<{ readonly at: number; readonly before: number }> = [];
  /** Letters that were on their way when the process died: they may still arrive. */
  #late: InFlight[] = [];
  #committed: Kept = { key: null, resolved: [] };

  /** Messages that were received to their end. */
  done(): ReadonlySet<number> {
    return new Set([...this.#doneBefore, ...[...this.#done].map((at) => this.log[at].message)]);
  }

  constructor(private readonly rule: Rule) {}

  /** Whether the step can be taken; if so it is. `n` chooses where there is a choice. */
  step(step: Step, n = 0): boolean {
    switch (step) {
      case "publish":
        this.log.push({ message: this.published++, turn: null });
        return true;
      case "take":
        return this.#take(n % 2 === 0 ? "settled" : "resolved");
      case "fail":
        return this.#take("condemned");
      case "write":
        return this.#write(n);
      case "acknowledge":
        return this.#acknowledge(n);
      case "refuse":
        return this.#refuse(n);
      case "commit":
      case "commitLess": {
        const resolved = this.#states.flatMap((state, at) => state === "resolved" ? [at] : []);
        // As an offset map does: nothing behind the first that is only settled; and its end may be cut.
        const settled = this.#states.indexOf("settled");
        const cut = step === "commit" ? Infinity : n % (this.log.length + 1);
        const until = Math.min(settled < 0 ? Infinity : settled, Math.max(cut, this.#committed.resolved.length));
        this.#committed = { key: this.#lasting(), resolved: resolved.filter((at) => at < until) };
        return true;
      }
      case "crash":
        for (const at of this.#done) if (this.#states[at] === "resolved") this.#keep(at);
        this.#done.clear();
        this.#late.push(...this.#line.filter(({ letter, stored }) => letter !== null && !stored));
        this.#line = [];
        this.#recent = [];
        this.key = this.#committed.key;
        this.#states = [];
        for (const at of this.#committed.resolved) this.#states[at] = "resolved";
        for (let at = 0; at < this.#states.length; at++) this.#states[at] ??= "open";
        return true;
      case "late": {
        const [late] = this.#late.splice(n % Math.max(1, this.#late.length), 1);
        if (late !== undefined) this.#store(late);
        return late !== undefined;
      }
      case "redrive":
      case "redriveAny": {
        const left = this.letters.keys().filter((at) => step === "redriveAny" || !this.redriven.has(at)).toArray();
        if (left.length === 0) return false;
        const at = left[step === "redrive" ? 0 : n % left.length];
        this.redriven.add(at);
        this.log.push(this.letters[at]);
        return true;
      }
    }
  }

  /** Nothing fails any more; letters are redriven until there are none. Answers how many passes it took, or null. */
  calm(): number | null {
    for (let pass = 0; pass <= this.published + 2; pass++) {
      while (this.step("take") || this.step("write") || this.step("acknowledge"));
      if (this.redriven.size === this.letters.length) {
        return this.done().size === this.published && this.key === null ? pass : null;
      }
      for (const end = this.letters.length; this.redriven.size < end && this.step("redrive"););
    }
    return null;
  }

  #take(outcome: "settled" | "resolved" | "condemned"): boolean {
    let at = 0;
    while (at < this.log.length && (this.#states[at] ?? "open") !== "open") at++;
    if (at === this.log.length) return false;
    const { message, turn } = this.log[at];
    const { key } = this;
    const free = key === null || (key.served >= key.last && this.#line.length === 0);
    if (!free && !this.rule.isServed(key, at, turn)) outcome = "condemned";
    if (outcome === "condemned") {
      this.key ??= { served: at - 1, last: at - 1 };
      this.#line.push({ at, letter: null, stored: false });
    } else {
      const done = this.done();
      const missed = Array.from({ length: message }, (_, before) => before).find((before) => !done.has(before));
      if (!done.has(message) && missed !== undefined) this.wrong ??= `${message} is received before ${missed}`;
      this.#done.add(at);
      if (key !== null) {
        const served = this.rule.servedAfter(key, turn);
        if (served !== key.served && outcome === "settled") this.#recent.push({ at, before: key.served });
        this.key = { ...key, served };
      }
    }
    this.#states[at] = outcome;
    this.#tidy();
    return true;
  }

  /** The first letters of the line, up to one that has an earlier record before it that is settled only. */
  #write(n: number): boolean {
    if (this.key === null || this.#line.length === 0 || this.#line[0].letter !== null) return false;
    let state = { ...this.key, served: this.#servedForGood(this.key) };
    const group = this.#line.slice(0, 1 + n % 3);
    for (const [i, first] of group.entries()) {
      if (this.rule.waits && this.#states.some((state, at) => state === "settled" && at < first.at)) return i > 0;
      const { message, turn } = this.log[first.at];
      first.letter = { message, turn: this.rule.turnOf(state, first.at, turn) };
      state = { ...state, last: Math.max(state.last, first.letter.turn.at) };
      if ((n >> (i + 4)) % 2 === 0) this.#store(first);
    }
    return true;
  }

  #store(sent: InFlight): void {
    if (sent.letter !== null && !sent.stored) this.letters.push(sent.letter);
    sent.stored = true;
  }

  #acknowledge(n: number): boolean {
    const sent = this.#line.filter(({ letter }) => letter !== null);
    const settled = this.#states.flatMap((state, at) => state === "settled" ? [at] : []);
    const choices = settled.length + (sent.length === 0 ? 0 : 1);
    if (choices === 0) return false;
    const at = settled[n % choices];
    if (at !== undefined) this.#states[at] = "resolved";
    else {
      for (const each of sent) {
        this.#store(each);
        this.#states[each.at] = "resolved";
        if (this.key !== null) this.key = { ...this.key, last: Math.max(this.key.last, each.letter?.turn.at ?? -1) };
      }
      this.#line.splice(0, sent.length);
    }
    this.#tidy();
    return true;
  }

  /** A publication fails for good: its record is open again, and so is what followed. */
  #refuse(n: number): boolean {
    const settled = this.#states.flatMap((state, at) => state === "settled" ? [at] : []);
    if (settled.length === 0) return false;
    const from = settled[n % settled.length];
    this.#done.delete(from);
    const again = this.done().has(this.log[from].message);
    for (let at = from; at < this.#states.length; at++) {
      if (this.#states[at] !== "settled" && this.#states[at] !== "resolved") continue;
      // Where the first one was received before, what was done after that is done.
      if (this.#states[at] === "resolved" && (again || this.log[at].message < this.log[from].message)) this.#keep(at);
      this.#done.delete(at);
      this.#states[at] = "open";
    }
    const kept = ({ at, letter }: InFlight) => letter !== null || at < from;
    for (const each of this.#line) if (!kept(each)) this.#states[each.at] = "open";
    this.#line = this.#line.filter(kept);
    const first = this.#recent.findIndex(({ at }) => at >= from);
    if (first >= 0 && this.key !== null) {
      this.key = { ...this.key, served: this.#recent[first].before };
      this.#recent.length = first;
    }
    this.#tidy();
    return true;
  }

  #keep(at: number): void {
    this.#doneBefore.add(this.log[at].message);
  }

  #tidy(): void {
    while (this.#recent.length > 0 && this.#states[this.#recent[0].at] === "resolved") this.#recent.shift();
    const { key } = this;
    if (key !== null && key.served >= key.last && this.#line.length === 0 && this.#recent.length === 0) this.key = null;
  }

  #lasting(): Served | null {
    const { key } = this;
    if (key === null) return null;
    const served = this.#servedForGood(key);
    return served < key.last ? { served, last: key.last } : null;
  }

  #servedForGood({ served }: Served): number {
    return this.rule.hasty ? served : this.#recent[0]?.before ?? served;
  }
}
