/**
 * What an observer knows: of each task, of each call of `receive`, and of each process's time with a partition.
 * @module
 */
import { KILLED_AFTER, RETRIES, type Task } from "./workload.ts";

/** How a call of `receive` ended. */
export type End = "succeeded" | "failed" | "died" | "interrupted" | "skipped" | "rejected" | "later";

/** One call of `receive`. */
export interface Call {
  /** Of all calls. */
  readonly id: number;
  readonly task: Task;
  /** Of this task's calls, from 1. */
  readonly number: number;
  readonly owner: Owner;
  /** When it began. */
  readonly at: number;
  /** Whether what it has returned runs, or has run: an Effect may never be begun. */
  begun: boolean;
  end: End | null;
}

/** One process's time with one partition: what one lease stands for. */
export interface Owner {
  readonly process: string;
  readonly partition: number;
  readonly number: number;
  /** How often the broker had died when it was first seen. */
  readonly life: number;
  /** The group's generation in which the partition came to it: a newer owner's is higher. */
  readonly generation: number;
  readonly held: () => boolean;
  /** The last call for each task. */
  readonly calls: Map<number, Call>;
}

/** What is known of a task. */
export interface Known {
  readonly task: Task;
  readonly offset: number;
  readonly calls: Call[];
  /** Failed calls; a call that was cut off, or ended after its time, may have been one. */
  failures: number;
  deaths: number;
  letters: number;
  /** Which parts of its results stand in the log. */
  readonly parts: Set<number>;
}

/** Whether somebody has made a dead letter of it, or will. */
export function isGivenUp({ letters, deaths, failures, task }: Known): boolean {
  return letters > 0 || deaths >= KILLED_AFTER || failures > RETRIES || task.behaviour === "reject";
}

/** Within one generation, where a member was told that it had lost its partitions, but had not, it is seen later. */
export function isNewer(owner: Owner, than: Owner): boolean {
  if (owner.life !== than.life) return owner.life > than.life;
  return owner.generation > than.generation || (owner.generation === than.generation && owner.number > than.number);
}

/** A task's place, in words. */
export function name({ task, offset }: Pick<Known, "task" | "offset">): string {
  return `${task.partition}@${offset}`;
}
