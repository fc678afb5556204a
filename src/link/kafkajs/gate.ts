/**
 * Holds requests back while the broker hears nothing but a login.
 * @module
 */

/** A request that waits. */
interface Held {
  readonly send: () => void;
  readonly reject: () => void;
}

/** Open at first. What comes while it is shut goes through, in order, when it opens again. */
export class Gate {
  #held: Array<Held> | null = null;

  /** Sends now, or when it opens; `reject` is called instead when that is never. */
  pass(send: () => void, reject: () => void): void {
    if (this.#held === null) send();
    else this.#held.push({ send, reject });
  }

  /** From now on requests wait. */
  shut(): void {
    this.#held ??= [];
  }

  /** Lets all go that wait. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { send } of held) send();
  }

  /** Rejects all that wait. */
  clear(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { reject } of held) reject();
  }
}
