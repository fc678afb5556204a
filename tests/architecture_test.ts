/**
 * Imports go one way: vocabulary ◀ ports ◀ stages ◀ composers ◀ edges. A stage knows no other stage.
 */
import { assertEquals } from "./assert.ts";
import { findCycle, type SourceFile, sourceFile, sourceFiles } from "./support/imports.ts";

/** A layer's files (a folder ends with a slash; the first layer that names a file has it) and the layers it may import. */
const layers: ReadonlyArray<readonly [name: string, files: ReadonlyArray<string>, may: ReadonlyArray<string>]> = [
  ["entry", ["mod.ts"], ["vocabulary", "broker", "logger", "edge", "system", "admin", "dead letter", "redrive"]],
  ["testing", ["src/testing/"], [
    "vocabulary",
    "ports",
    "format",
    "fiber",
    "embedded",
    "broker",
    "logger",
    "system",
    "edge",
    "redrive",
  ]],
  // Where the framework meets a program and its process.
  [
    "edge",
    ["src/actor_system.ts", "src/system_options.ts", "src/operations.ts", "src/signals.ts", "src/event_loop.ts"],
    [
      "vocabulary",
      "ports",
      "broker",
      "logger",
      "partition",
      "system",
    ],
  ],
  // What is put together of the client without any actors: topics and groups looked after.
  ["admin", ["src/admin/"], ["vocabulary", "ports", "client", "broker", "logger"]],
  // Dead letters sent back: a small consumer of its own, with the marks and the lease of an actor's partition.
  ["redrive", ["src/redrive/"], [
    "vocabulary",
    "ports",
    "format",
    "fiber",
    "client",
    "partition",
    "dead letter",
    "admin",
    "broker",
    "logger",
  ]],
  ["broker", ["src/broker.ts", "src/kafka_environment.ts"], ["vocabulary", "ports", "embedded", "kafkajs"]],
  ["logger", ["src/logger.ts"], ["vocabulary"]],
  ["vocabulary", ["src/*.ts"], []],
  ["ports", ["src/link/link.ts", "src/link/protocol*.ts", "src/link/error_code.ts", "src/client/port.ts"], [
    "vocabulary",
  ]],
  // Waking fibers and telling time, for all that loops.
  ["fiber", ["src/fiber/"], []],
  // Kafka's record format, which the stages on both sides of a link read and write.
  ["format", ["src/codec/"], ["vocabulary", "ports"]],
  ["client", ["src/client/"], ["vocabulary", "ports", "format", "fiber"]],
  ["kafkajs", ["src/link/kafkajs/"], ["vocabulary", "ports"]],
  ["embedded", ["src/link/embedded/"], ["vocabulary", "ports", "format", "fiber"]],
  ["dead letter", ["src/dead_letter/"], ["vocabulary"]],
  ["telemetry", ["src/telemetry/"], ["vocabulary", "dead letter"]],
  // What is put together of stages: a consumer and the system; they are all of the runtime that knows the client.
  ["system", [
    "src/runtime/system.ts",
    "src/runtime/system_metrics.ts",
    "src/runtime/health.ts",
    "src/runtime/consumer.ts",
    "src/runtime/watchdog/consumer_watch.ts",
    "src/runtime/watchdog/renewal.ts",
    "src/runtime/watchdog/watchdog.ts",
    "src/runtime/committer.ts",
    "src/runtime/topics.ts",
    "src/runtime/settings.ts",
    "src/runtime/option_checks.ts",
  ], [
    "vocabulary",
    "ports",
    "format",
    "fiber",
    "client",
    "partition",
    "dead letter",
    "telemetry",
    "broker",
    "logger",
  ]],
  ["partition", ["src/runtime/"], ["vocabulary", "ports", "format", "fiber", "dead letter", "telemetry"]],
];

/** Packages, and the only places that may import them. */
const packages: ReadonlyArray<readonly [name: string, places: ReadonlyArray<string>]> = [
  ["kafkajs", ["src/link/kafkajs/", "tests/", "bench/npm/"]],
  ["@platformatic/kafka", ["bench/npm/"]],
  ["@std/log", ["src/logger.ts"]],
  ["@std/assert", ["tests/assert.ts"]],
  ["@platformatic/wasm-utils", ["src/codec/compression.ts"]],
  ["@troupe/troupe", ["actors/", "examples/", "tests/", "bench/"]],
  ["hono", ["actors/", "tests/"]],
  ["fast-check", ["tests/"]],
  ["yaml", ["tests/"]],
  ["effect", ["src/", "actors/shop.ts", "examples/", "tests/", "bench/"]],
  ["zod", ["src/", "actors/", "examples/", "tests/", "bench/"]],
];

const longest = 400;

const ours = sourceFiles("src", "mod.ts");
const programs = sourceFiles("actors", "examples");
const everything = [...ours, ...programs, ...sourceFiles("tests", "tools", "bench")];

function within(path: string, places: ReadonlyArray<string>): boolean {
  return places.some((place) => {
    if (place.endsWith("/")) return path.startsWith(place);
    const [before, after] = place.split("*");
    if (after === undefined) return path === place;
    return path.startsWith(before) && path.endsWith(after) && !path.slice(before.length).includes("/");
  });
}

function layerOf(path: string): string {
  return layers.find(([, places]) => within(path, places))?.[0] ?? path;
}

/** Imports of one layer by another that the table doesn't have. */
function wrongWays(files: ReadonlyArray<SourceFile>): Array<string> {
  return files.flatMap(({ path, imports }) => {
    const layer = layerOf(path);
    const may = layers.find(([name]) => name === layer)?.[2] ?? [];
    return imports.filter((to) => /\.tsx?$/.test(to) && layerOf(to) !== layer && !may.includes(layerOf(to)))
      .map((to) => `${path} (${layer}) imports ${to} (${layerOf(to)})`);
  });
}

/** Packages imported where they don't belong, or that the table doesn't have. */
function wrongPackages(files: ReadonlyArray<SourceFile>): Array<string> {
  return files.flatMap(({ path, imports }) =>
    imports.filter((to) => !/\.(tsx?|json)$/.test(to) || to.startsWith("kafkajs")).filter((to) =>
      !to.startsWith("node:")
    )
      .filter((to) => {
        const places = packages.find(([name]) => to === name || to.startsWith(`${name}/`))?.[1];
        return places === undefined || !within(path, places);
      }).map((to) => `${path} imports ${to}`)
  );
}

Deno.test("src: imports go one way", () => assertEquals(wrongWays(ours), []));

Deno.test("src: every file has a layer", () => {
  assertEquals(ours.filter(({ path }) => layerOf(path) === path).map(({ path }) => path), []);
});

// Types within a layer may refer to each other; between layers the table forbids that too.
Deno.test("src: no file loads itself by way of others", () => assertEquals(findCycle(ours), []));

Deno.test("packages are imported only where they belong", () => assertEquals(wrongPackages(everything), []));

Deno.test("actors and examples know the project by its published name only", () => {
  const strays = programs.flatMap(({ path, imports }) => {
    const folder = path.replace(/\/.*/, "/");
    return imports.filter((to) => /\.tsx?$/.test(to) && !to.startsWith(folder)).map((to) => `${path} imports ${to}`);
  });
  assertEquals(strays, []);
});

Deno.test("src, actors, examples: no file is too long", () => {
  const lines = [...ours, ...programs].map(({ path, text }) => [path, text.split("\n").length - 1] as const);
  assertEquals(lines.filter(([, count]) => count > longest), []);
});

Deno.test("src: time, chance and turns come from the fiber; only a link, the signals and the watch of the event loop have real ones", () => {
  const real =
    /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|crypto\.random\w+|set(Timeout|Interval|Immediate))\b/;
  const allowed = ["src/link/kafkajs/", "src/signals.ts", "src/event_loop.ts", "src/testing/"];
  const found = ours.filter(({ path }) => !within(path, allowed))
    .flatMap(({ path, code }) =>
      code.split("\n").filter((line) => real.test(line)).map((line) => `${path}: ${line.trim()}`)
    );
  assertEquals(found, []);
});

Deno.test("mod.ts only re-exports", () => {
  const entries = ours.filter(({ path }) => path === "mod.ts" || path === "src/testing/mod.ts");
  const reexport = /export (type )?(\*( as \w+)?|\{[^{}]*\}) from "[^"]+";/g;
  for (const { path, code } of entries) assertEquals(code.replace(reexport, "").trim(), "", path);
});

Deno.test("wrongWays, wrongPackages and findCycle find what is wrong", () => {
  const stray = sourceFile(
    "src/codec/stray.ts",
    'import type { A } from "../client/sender.ts";\nimport "kafkajs/x.js";',
  );
  assertEquals(wrongWays([stray]), ["src/codec/stray.ts (format) imports src/client/sender.ts (client)"]);
  assertEquals(wrongPackages([stray]), ["src/codec/stray.ts imports kafkajs/x.js"]);
  const lazy = sourceFile("src/event.ts", 'const b = await import(\n  "./runtime/system.ts"\n);');
  assertEquals(wrongWays([lazy]), ["src/event.ts (vocabulary) imports src/runtime/system.ts (system)"]);
  const inComments = sourceFile("src/event.ts", '/** import "./broker.ts" */\n// import "./broker.ts";\n');
  assertEquals(inComments.imports, []);
  const ring = [["a", "b"], ["b", "c"], ["c", "b"]].map(([from, to]) =>
    sourceFile(`src/${from}.ts`, `export {\n  x,\n} from "./${to}.ts";`)
  );
  assertEquals(findCycle(ring), ["src/b.ts", "src/c.ts", "src/b.ts"]);
  const mutual = ["a", "b"].map((name) =>
    sourceFile(`src/${name}.ts`, 'import type {\n  X,\n} from "./a.ts";\nimport "./b.ts";')
  );
  assertEquals(findCycle(mutual), ["src/b.ts", "src/b.ts"]);
});
