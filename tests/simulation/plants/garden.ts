/**
 * A copy of the product and its simulation in which one bug after the other is planted and looked for.
 * @module
 */
import { youngHeap } from "../young_heap.ts";
import type { Plant } from "./plant.ts";

const root = new URL("../../../", import.meta.url);

/** What came of looking for a bug. */
export interface Found {
  /** The seed that caught it, or null. */
  readonly seed: number | null;
  /** What was violated, or what else came of it. */
  readonly told: string;
}

/** The text of a file with the bug in it. Throws where it can't be planted any more. */
export function planted(text: string, { name, edits }: Plant, file: string): string {
  let changed = text;
  for (const edit of edits) {
    if (edit.file !== file) continue;
    const places = changed.split(edit.old).length - 1;
    if (places !== 1) {
      throw new Error(`"${name}" can't be planted: its old text stands ${places} times in ${file}; write it anew`);
    }
    changed = changed.replace(edit.old, () => edit.new);
  }
  return changed;
}

/** A bug's files with it in them, by their names. */
export async function filesOf(plant: Plant): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const { file } of plant.edits) {
    files.set(file, planted(await Deno.readTextFile(new URL(file, root)), plant, file));
  }
  return files;
}

/** See the module. */
export class Garden implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /** Copies what is needed. */
  static async open(): Promise<Garden> {
    const folder = await Deno.makeTempDir({ prefix: "planted-" });
    for (const file of ["deno.json", "deno.lock", "mod.ts"]) {
      await Deno.copyFile(new URL(file, root), `${folder}/${file}`);
    }
    for (const name of ["src", "tests/simulation"]) await copy(new URL(`${name}/`, root), `${folder}/${name}`);
    return new Garden(folder);
  }

  /** Plants a bug, looks for it in at most `schedules` schedules from `seed` on, and takes it out again. */
  async look(plant: Plant, seed: number, schedules: number): Promise<Found> {
    const files = await filesOf(plant);
    const clean = new Map<string, string>();
    for (const [file, text] of files) {
      clean.set(file, await Deno.readTextFile(`${this.folder}/${file}`));
      await Deno.writeTextFile(`${this.folder}/${file}`, text);
    }
    try {
      const main = `${this.folder}/tests/simulation/main.ts`;
      const args = ["run", "--quiet", "--no-check", "--allow-all", youngHeap, main, "--first"];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...args, "--seed", `${seed}`, "--schedules", `${schedules}`],
        cwd: this.folder,
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      const said = decoder.decode(stdout);
      const violation = /^seed (\d+): (.*)$/m.exec(said);
      if (violation !== null) return { seed: Number(violation[1]), told: violation[2] };
      return { seed: null, told: (said + decoder.decode(stderr)).trim().slice(-500) };
    } finally {
      for (const [file, text] of clean) await Deno.writeTextFile(`${this.folder}/${file}`, text);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function copy(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}
