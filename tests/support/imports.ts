/**
 * What the project's files import, read from their text.
 * @module
 */

/** A TypeScript file of the project. */
export interface SourceFile {
  /** From the project's root, such as `src/event.ts`. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** Its text without comments. */
  readonly code: string;
  /** What it imports or re-exports, types too: a path from the project's root, or a specifier such as `effect`. */
  readonly imports: ReadonlyArray<string>;
  /** What of that is loaded when the file is: without imports of types. */
  readonly loads: ReadonlyArray<string>;
}

const root = new URL("../../", import.meta.url);

/** All TypeScript files in these folders (and files) of the project, in the order of their paths. */
export function sourceFiles(...places: ReadonlyArray<string>): Array<SourceFile> {
  return places.flatMap(list).sort().map((path) => sourceFile(path, Deno.readTextFileSync(new URL(path, root))));
}

/** One file, from its text. */
export function sourceFile(path: string, text: string): SourceFile {
  const code = text.replace(/\/\*.*?\*\//gs, "").replace(/^\s*\/\/.*$/gm, "");
  const base = new URL(path, "file:///");
  const specifiers = (text: string) =>
    Array.from(text.matchAll(anImport), ([, specifier]) => {
      return specifier.startsWith(".") ? new URL(specifier, base).pathname.slice(1) : specifier;
    });
  return { path, text, code, imports: specifiers(code), loads: specifiers(code.replace(ofTypes, "")) };
}

const anImport = /(?:\bfrom\s*|^\s*import\s*|\bimport\s*\(\s*)"([\w@.\/:-]+)"/gm;
const ofTypes = /^(?:import|export) type\b[^;]*;/gm;

/** A ring of files that load each other, if there is one: its paths in order, the first again at the end. */
export function findCycle(files: ReadonlyArray<SourceFile>): ReadonlyArray<string> {
  const loads = new Map(files.map((file) => [file.path, file.loads]));
  const done = new Set<string>();
  const trail: Array<string> = [];
  const visit = (path: string): ReadonlyArray<string> => {
    const at = trail.indexOf(path);
    if (at >= 0) return [...trail.slice(at), path];
    if (done.has(path)) return [];
    trail.push(path);
    for (const next of loads.get(path) ?? []) {
      const cycle = visit(next);
      if (cycle.length > 0) return cycle;
    }
    trail.pop();
    done.add(path);
    return [];
  };
  for (const { path } of files) {
    const cycle = visit(path);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

function list(place: string): Array<string> {
  const url = new URL(place, root);
  if (Deno.statSync(url).isFile) return [place];
  return Array.from(Deno.readDirSync(url)).flatMap(({ name, isDirectory }) => {
    if (isDirectory) return list(`${place}/${name}`);
    return name.endsWith(".ts") ? [`${place}/${name}`] : [];
  });
}
