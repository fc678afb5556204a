/**
 * Since when the groups of a simulation are at rest.
 * @module
 */
import type { EmbeddedKafka } from "../../link/embedded/embedded.ts";

/** Remembers what it saw the last time it was asked. */
export class GroupRest {
  #generations = "";
  #since = 0;

  constructor(private readonly kafka: EmbeddedKafka, private readonly now: () => number) {}

  /** Since when they have been stable, in the same generations, with so many members each; null where one is not. */
  since(groups: Iterable<string>, members: number): number | null {
    const stored = Array.from(groups, (group) => this.kafka.group(group));
    const rest = stored.every((group) => group?.state === "Stable" && group.members.length === members);
    const generations = stored.map((group) => group?.generation).join(" ");
    if (!rest || generations !== this.#generations) this.#since = this.now();
    this.#generations = generations;
    return rest ? this.#since : null;
  }
}
