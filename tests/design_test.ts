import { assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** The patterns of DESIGN.md's file map, from the project's root: a name without a folder is in the one before it. */
function fileMap(): ReadonlyArray<string> {
  const section = Deno.readTextFileSync(new URL("DESIGN.md", root)).split("## File map")[1].split("\n## ")[0];
  return section.split("\n").filter((line) => line.startsWith("| `")).flatMap((line) => {
    let folder = "";
    return Array.from(line.split(" | ")[0].matchAll(/`([^`]+)`/g), ([, name]) => {
      const path = name.includes("/") ? name : folder + name;
      folder = path.slice(0, path.lastIndexOf("/") + 1);
      return path;
    });
  });
}

function covers(pattern: string, path: string): boolean {
  if (pattern.endsWith("/")) return path.startsWith(pattern);
  const [head, ...rest] = pattern.split("*").map((part) => part.replaceAll(".", "\\."));
  return new RegExp(`^${[head, ...rest].join("[^/]*")}$`).test(path);
}

function filesIn(folder: string): ReadonlyArray<string> {
  return [...Deno.readDirSync(new URL(folder, root))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}${name}/`) : [`${folder}${name}`]
  );
}

const files = ["src/", "docs/", "actors/", "examples/", "tools/", "tests/", "bench/"].flatMap(filesIn).concat("mod.ts");

Deno.test("DESIGN.md's file map has every file", () => {
  const patterns = fileMap();
  assertEquals(files.filter((path) => !patterns.some((pattern) => covers(pattern, path))), []);
});

Deno.test("DESIGN.md's file map has no file that is not there", () => {
  assertEquals(fileMap().filter((pattern) => !files.some((path) => covers(pattern, path))), []);
});
