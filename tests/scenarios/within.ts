/**
 * Conditions with a deadline.
 * @module
 */

/** How long anything may take: so long that only what never happens takes longer. */
const deadline = 90_000;

/** Waits for a promise; fails when it takes too long, naming what was waited for. */
export async function within<T>(promise: Promise<T>, what: string | (() => string)): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not within ${deadline / 1_000} s: ${typeof what === "string" ? what : what()}`)),
      deadline,
    );
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks, again and again, until the answer fits. */
export async function until<T>(ask: () => T | Promise<T>, fits: (answer: T) => boolean, what: string): Promise<T> {
  const end = Date.now() + deadline;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > end) throw new Error(`not within ${deadline / 1_000} s: ${what}; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
