/**
 * An append-only file of entries, each with its length and a checksum. One process has it at a time.
 *
 *     "troupe1\n"  { length: uint32 of kind and payload, crc: uint32 CRC-32C of them, kind: uint8, payload }*
 * @module
 */
import { viewOf } from "../../../codec/batch_header.ts";
import { crc32c } from "../../../codec/crc32c.ts";
import { ConfigError } from "../../../errors.ts";
import { StorageError } from "./journal.ts";

const signature = new TextEncoder().encode("troupe1\n");
/** Length and checksum. */
const frameHeader = 8;

/** What an entry says. */
export interface Entry {
  /** Which of the kinds of entries it is. */
  readonly kind: number;
  /** The rest; a view. */
  readonly payload: Uint8Array;
}

/** The file, open and locked. */
export class FileLog {
  readonly #file: Deno.FsFile;
  #size = 0;
  #broken = false;

  private constructor(readonly path: string, file: Deno.FsFile) {
    this.#file = file;
  }

  /** An empty one, whatever there is. Throws ConfigError where it can't be used. */
  static create(path: string): FileLog {
    const log = FileLog.open(path);
    try {
      log.#cut(0);
      log.#write(signature);
      return log;
    } catch (cause) {
      log.close();
      throw cause;
    }
  }

  /** Opens it, making it where it does not exist. Throws ConfigError where it can't be used. */
  static open(path: string): FileLog {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { read: true, write: true, create: true });
    } catch (cause) {
      throw new ConfigError("file", `${path} can't be opened: ${reason(cause)}`, { cause });
    }
    try {
      if (!file.tryLockSync(true)) {
        throw new ConfigError("file", `${path} is in use by another process; end that first`);
      }
      return new FileLog(path, file);
    } catch (cause) {
      file.close();
      if (cause instanceof ConfigError) throw cause;
      throw new ConfigError("file", `${path} can't be locked: ${reason(cause)}`, { cause });
    }
  }

  /** Bytes in it. */
  get size(): number {
    return this.#size;
  }

  /**
   * Reads all entries; to be called once, first. What a process that died left half written at the end is cut off:
   * gives how many bytes. Throws ConfigError where the file is something else or is damaged.
   */
  read(visit: (entry: Entry) => void): number {
    const bytes = this.#readAll();
    const begun = bytes.subarray(0, signature.length).every((byte, at) => byte === signature[at]);
    if (!begun) throw new ConfigError("file", `${this.path} is not the log of an embedded Kafka; name another file`);
    if (bytes.length < signature.length) {
      this.#cut(0);
      this.#write(signature);
      return bytes.length;
    }
    let at = signature.length;
    for (let end = wholeEnd(bytes, at); end >= 0; end = wholeEnd(bytes, at)) {
      visit({ kind: bytes[at + frameHeader], payload: bytes.subarray(at + frameHeader + 1, end) });
      at = end;
    }
    // A process that is killed leaves half of one entry. Where a whole one follows, it was not that: what was
    // acknowledged would be lost without a word.
    for (let after = at + 1; after < bytes.length; after++) {
      if (wholeEnd(bytes, after) < 0) continue;
      throw new ConfigError("file", `${this.path} is damaged at byte ${at}; move it away to begin with an empty one`);
    }
    this.#cut(at);
    return bytes.length - at;
  }

  /**
   * Adds an entry. It has reached the system when this returns: a process that is killed loses nothing, while a machine
   * that loses power may lose what it had not written yet. Throws StorageError; then the entry is not there.
   */
  append(kind: number, ...payload: ReadonlyArray<Uint8Array>): void {
    if (this.#broken) throw new StorageError(`${this.path} can't be written any more`);
    const length = payload.reduce((sum, part) => sum + part.length, 1);
    const bytes = new Uint8Array(frameHeader + length);
    bytes[frameHeader] = kind;
    let at = frameHeader + 1;
    for (const part of payload) {
      bytes.set(part, at);
      at += part.length;
    }
    const view = viewOf(bytes);
    view.setUint32(0, length);
    view.setUint32(4, crc32c(bytes, frameHeader, bytes.length));
    this.#write(bytes);
  }

  /** Takes the place of another file: whoever opens its path from now on finds this one. */
  replace(other: FileLog): FileLog {
    this.#file.syncSync();
    Deno.renameSync(this.path, other.path);
    other.close();
    const replaced = new FileLog(other.path, this.#file);
    replaced.#size = this.#size;
    return replaced;
  }

  /** Closes it; another process may have it then. */
  close(): void {
    this.#file.close();
  }

  #readAll(): Uint8Array {
    const bytes = new Uint8Array(this.#file.statSync().size);
    let at = 0;
    while (at < bytes.length) {
      const count = this.#file.readSync(bytes.subarray(at));
      if (count === null) break;
      at += count;
    }
    return bytes.subarray(0, at);
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
      this.#size += bytes.length;
    } catch (cause) {
      // Half an entry must not stay in front of the next one.
      try {
        this.#cut(this.#size);
      } catch {
        this.#broken = true;
      }
      throw new StorageError(`${this.path}: ${reason(cause)}`, { cause });
    }
  }

  #cut(size: number): void {
    this.#file.truncateSync(size);
    this.#file.seekSync(size, Deno.SeekMode.Start);
    this.#size = size;
  }
}

/** Where the entry at `at` ends, or -1 where there is no whole one. */
function wholeEnd(bytes: Uint8Array, at: number): number {
  if (at + frameHeader >= bytes.length) return -1;
  const view = viewOf(bytes);
  const length = view.getUint32(at);
  const end = at + frameHeader + length;
  // Zeros at the end are what a machine that lost power may leave.
  if (length === 0 || end > bytes.length) return -1;
  return view.getUint32(at + 4) === crc32c(bytes, at + frameHeader, end) ? end : -1;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
