/**
 * What a worker has begun with, in a file: one entry before each task, written at once, so that SIGKILL takes none along.
 * @module
 */

/** A task in a worker's hands. */
export interface Run {
  readonly worker: number;
  readonly id: number;
  /** Which of the worker's incarnations had it. */
  readonly life: number;
  /** When it began, in ms since 1970. */
  readonly at: number;
}

// id, life, time
const entry = 16;

/** Written by the worker. */
export class Journal {
  readonly #file: Deno.FsFile;
  readonly #bytes = new Uint8Array(entry);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(path: string) {
    this.#file = Deno.openSync(path, { create: true, append: true });
  }

  /** A task is taken up. */
  begin(id: number, life: number): void {
    this.#view.setUint32(0, id);
    this.#view.setUint32(4, life);
    this.#view.setFloat64(8, Date.now());
    this.#file.writeSync(this.#bytes);
  }
}

/** All that a worker has begun with, in order; nothing where it did not come so far as to have a journal. */
export function* readJournal(path: string, worker: number): IterableIterator<Run> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return;
    throw cause;
  }
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + entry <= bytes.length; at += entry) {
    yield { worker, id: view.getUint32(at), life: view.getUint32(at + 4), at: view.getFloat64(at + 8) };
  }
}
