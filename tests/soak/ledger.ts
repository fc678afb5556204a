/**
 * What stands on the two topics, counted as it is read: nothing here knows of any client.
 * @module
 */
import { keys } from "./job.ts";

/** Where a task stands. */
export interface Place {
  readonly partition: number;
  readonly offset: number;
}

/** An answer as it stands on its topic. */
export interface AnswerRecord {
  readonly id: number;
  readonly worker: number;
  /** Which incarnation of the worker gave it. */
  readonly life: number;
}

/** Counts tasks and answers. Each key's have to be given in the order of their log. */
export class Ledger {
  /** Different tasks on the log. */
  tasks = 0;
  /** Different tasks with an answer. */
  answered = 0;
  /** Copies of tasks beyond the first. */
  tasksTwice = 0;
  /** Copies of answers beyond the first, whoever gave them. */
  answersTwice = 0;
  /** Tasks behind a later one of their key. */
  tasksMisplaced = 0;
  /** First answers behind the first answer to a later task of their key. */
  misplaced = 0;
  /** Answers, also repeated ones, that an incarnation gave behind its own answer to a later task of the key. */
  backwards = 0;
  /** Some of these, for whoever looks for the cause. */
  readonly examples: Array<string> = [];
  #capacity = 1 << 16;
  #taskCopies = new Uint8Array(this.#capacity);
  #answerCopies = new Uint8Array(this.#capacity);
  #offsets = new Uint32Array(this.#capacity);
  #partitions = new Uint8Array(this.#capacity);
  readonly #lastTask = new Int32Array(keys).fill(-1);
  readonly #lastAnswer = new Int32Array(keys).fill(-1);
  /** By key: the last task each incarnation has answered. */
  readonly #lives = Array.from({ length: keys }, () => new Map<string, number>());
  readonly #byWorker = new Map<number, number>();

  /** A task stands on the log. */
  task(id: number, { partition, offset }: Place): void {
    this.#grow(id);
    if (this.#taskCopies[id]++ > 0) {
      this.tasksTwice++;
      return;
    }
    this.tasks++;
    this.#offsets[id] = offset;
    this.#partitions[id] = partition;
    const key = id % keys;
    if (id < this.#lastTask[key]) this.tasksMisplaced++;
    else this.#lastTask[key] = id;
  }

  /** An answer stands on the log. */
  answer({ id, worker, life }: AnswerRecord): void {
    this.#grow(id);
    this.#byWorker.set(worker, this.answersOf(worker) + 1);
    const key = id % keys;
    const lives = this.#lives[key];
    const name = `${worker}/${life}`;
    const before = lives.get(name) ?? -1;
    if (id <= before) {
      this.backwards++;
      this.#note(`incarnation ${name}: ${id} behind ${before}`);
    }
    lives.set(name, Math.max(id, before));
    if (this.#answerCopies[id] < 255) this.#answerCopies[id]++;
    if (this.#answerCopies[id] > 1) {
      this.answersTwice++;
      return;
    }
    this.answered++;
    if (id < this.#lastAnswer[key]) {
      this.misplaced++;
      this.#note(`${name}: the first answer to ${id} stands behind that to ${this.#lastAnswer[key]}`);
    } else this.#lastAnswer[key] = id;
  }

  /** How many answers a worker has given. */
  answersOf(worker: number): number {
    return this.#byWorker.get(worker) ?? 0;
  }

  /** Copies of a task's answer. */
  copies(id: number): number {
    return id < this.#capacity ? this.#answerCopies[id] : 0;
  }

  /** Where a task stands, if it does. */
  place(id: number): Place | null {
    if (id >= this.#capacity || this.#taskCopies[id] === 0) return null;
    return { partition: this.#partitions[id], offset: this.#offsets[id] };
  }

  #note(example: string): void {
    if (this.examples.length < 20) this.examples.push(example);
  }

  #grow(id: number): void {
    if (id < this.#capacity) return;
    while (this.#capacity <= id) this.#capacity *= 2;
    const grown = <A extends Uint8Array | Uint32Array>(larger: A, old: A): A => (larger.set(old), larger);
    this.#taskCopies = grown(new Uint8Array(this.#capacity), this.#taskCopies);
    this.#answerCopies = grown(new Uint8Array(this.#capacity), this.#answerCopies);
    this.#offsets = grown(new Uint32Array(this.#capacity), this.#offsets);
    this.#partitions = grown(new Uint8Array(this.#capacity), this.#partitions);
  }
}
