/**
 * What an asynchronous function of a simulation returns. A Promise settles in a turn of the event loop, and a schedule is
 * one synchronous call; so this one is settled by a fiber of virtual time.
 * @module
 */

type Settle = (value: unknown) => void;

/**
 * Like a Promise of what `start` resolves or rejects. It is one, so that `Promise.resolve` gives it back as it is: another
 * object's `then` would be called in a turn of the event loop.
 */
export class Later extends Promise<unknown> {
  #settled: { readonly resolved: boolean; readonly value: unknown } | null = null;
  readonly #waiting: Array<() => void> = [];

  /** What `start` throws rejects it. It settles once. */
  constructor(start: (resolve: Settle, reject: Settle) => void) {
    super(() => {});
    // Promise.resolve looks at this.
    Object.defineProperty(this, "constructor", { value: Promise });
    const settle = (resolved: boolean): Settle => (value) => {
      if (this.#settled !== null) return;
      this.#settled = { resolved, value };
      for (const go of this.#waiting.splice(0)) go();
    };
    start(settle(true), settle(false));
  }

  /** As of a Promise, but that it calls at once what comes when it is settled. */
  override then<A = unknown, B = never>(
    resolved?: ((value: unknown) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return new Later((resolve, reject) => {
      const go = () => {
        const settled = this.#settled;
        if (settled === null) return;
        const next = settled.resolved ? resolved : rejected;
        if (typeof next !== "function") return (settled.resolved ? resolve : reject)(settled.value);
        try {
          resolve(next(settled.value));
        } catch (error) {
          reject(error);
        }
      };
      if (this.#settled === null) this.#waiting.push(go);
      else go();
    }) as Promise<A | B>;
  }
}
