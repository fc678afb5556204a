/**
 * The key lanes of a partition: at most one per key.
 * @module
 */
import type { Order } from "../actor.ts";
import { Lane, type LaneStart } from "./lane.ts";
import type { Item } from "./partition.ts";

/** See the module. */
export class Lanes {
  readonly #lanes = new Map<unknown, Lane>();

  constructor(private readonly order: Order) {}

  /** How many there are. */
  get size(): number {
    return this.#lanes.size;
  }

  /** The lane of a record's key, if there is one. */
  of(item: Item): Lane | undefined {
    return this.#lanes.size === 0 ? undefined : this.#lanes.get(this.#key(item));
  }

  /** Puts a record behind the one of its key that is in hand; false if there is none. */
  park(item: Item): boolean {
    const lane = this.of(item);
    lane?.parked.push({ item, start: {} });
    return lane !== undefined;
  }

  /** Opens the lane of a record's key. */
  open(item: Item, start: LaneStart): Lane {
    const lane = new Lane(this.#key(item), start);
    this.#lanes.set(lane.key, lane);
    return lane;
  }

  /** The lane is done. */
  close(lane: Lane): void {
    this.#lanes.delete(lane.key);
  }

  #key(item: Item): unknown {
    return this.order === "none" ? item : this.order === "partition" ? "" : item.segment.records.keyId(item.index);
  }
}
