/**
 * What a schedule consists of, piece by piece, so that a shorter one can be made of it.
 * @module
 */
import type { Happening as Fault } from "../../src/testing/simulation/script.ts";
import type { Happening, Script } from "./script.ts";
import { GROWN, PARTITIONS, type Task } from "./workload.ts";

/** Something that happens, a task, or a request that goes wrong. */
export type Piece =
  | { readonly _tag: "Happening"; readonly happening: Happening }
  | { readonly _tag: "Task"; readonly task: Task }
  | { readonly _tag: "Fault"; readonly fault: Fault };

/** All pieces of a schedule: what happens, in the order of time, then the tasks, then the faults of its requests. */
export function piecesOf({ happenings, calm }: Script, faults: ReadonlyArray<Fault>): ReadonlyArray<Piece> {
  const tasks = happenings.flatMap(({ what }) => what._tag === "Write" ? what.tasks : []);
  return [
    ...happenings.filter(({ what }) => what._tag !== "Write").map((happening): Piece => ({
      _tag: "Happening",
      happening,
    })),
    ...[...tasks, ...calm].map((task): Piece => ({ _tag: "Task", task })),
    ...faults.map((fault): Piece => ({ _tag: "Fault", fault })),
  ];
}

/** The schedule of these pieces alone. */
export function withOnly(
  script: Script,
  pieces: ReadonlyArray<Piece>,
): { readonly script: Script; readonly faults: ReadonlyArray<Fault> } {
  const happenings = new Set<Happening>();
  const tasks = new Set<Task>();
  const faults: Fault[] = [];
  for (const piece of pieces) {
    if (piece._tag === "Happening") happenings.add(piece.happening);
    else if (piece._tag === "Task") tasks.add(piece.task);
    else faults.push(piece.fault);
  }
  const left = script.happenings.filter((happening) => happening.what._tag === "Write" || happenings.has(happening));
  const partitions = left.some(({ what }) => what._tag === "Grows") ? GROWN : PARTITIONS;
  const some = (all: ReadonlyArray<Task>) => all.filter((task) => tasks.has(task) && task.partition < partitions);
  const fewer = left.map((happening): Happening => {
    const { at, what } = happening;
    return what._tag === "Write" ? { at, what: { ...what, tasks: some(what.tasks) } } : happening;
  });
  return { script: { ...script, happenings: fewer, calm: some(script.calm) }, faults };
}

/** A piece in words. */
export function describe(piece: Piece): string {
  switch (piece._tag) {
    case "Happening": {
      const { at, what: { _tag, ...rest } } = piece.happening;
      const details = Object.entries(rest).filter(([name]) => name !== "pick").map(([name, value]) =>
        `${name} ${value}`
      );
      return [`${at} ms:`, _tag, ...details].join(" ");
    }
    case "Task": {
      const { id, key, partition, behaviour, style, times, outputs, pause } = piece.task;
      return `task ${id}: ${key} of partition ${partition}, ${style} ${behaviour}, ${times} times, ${outputs} results, ${pause} ms`;
    }
    case "Fault": {
      if (piece.fault._tag !== "Fault") return piece.fault._tag;
      const { process, api, number, fault } = piece.fault;
      return `${api} ${number} of ${process}: ${JSON.stringify(fault)}`;
    }
  }
}
