/**
 * Reads CPU profiles (`deno run --cpu-prof`, one folder or file) and says where the time went: by part of Troupe, and by
 * function. `--records N` gives nanoseconds per record, `--top N` how many functions (default 40).
 * @module
 */
import { parseArgs } from "node:util";

/** What is read of V8's format. */
interface Profile {
  readonly nodes: ReadonlyArray<{
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: ReadonlyArray<number>;
  }>;
  readonly samples: ReadonlyArray<number>;
  readonly timeDeltas: ReadonlyArray<number>;
}

/** A part of the program, or a function, and the time it took itself, in microseconds. */
type Share = readonly [name: string, micros: number];

/** Adds up the time of samples by what `name` calls their function. */
export function selfTime(profile: Profile, name: (frame: Profile["nodes"][number]["callFrame"]) => string): Share[] {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const sums = new Map<string, number>();
  profile.samples.forEach((id, at) => {
    const frame = frames.get(id);
    if (frame === undefined) return;
    const key = name(frame);
    sums.set(key, (sums.get(key) ?? 0) + profile.timeDeltas[at]);
  });
  return [...sums].sort((a, b) => b[1] - a[1]);
}

/** Which part of the program a file belongs to. */
function partOf({ url, functionName }: Profile["nodes"][number]["callFrame"]): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "V8 and native code";
  const ours = /\/((?:src|bench)\/.*)$/.exec(url);
  if (ours !== null && !url.includes("/node_modules/") && !url.includes("/npm/")) return ours[1];
  const other = /\/npm\/[^/]+\/(?:@[^/]+\/)?([^/]+)\//.exec(url) ?? /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  return other?.[1] ?? url.replace(/^(ext|node):.*\/?/, "$1: the runtime");
}

function print(title: string, shares: ReadonlyArray<Share>, whole: number, records: number): void {
  console.log(`\n| ${title} | share |${records > 0 ? " ns a record |" : ""}`);
  console.log(`| --- | --- |${records > 0 ? " --- |" : ""}`);
  for (const [name, micros] of shares) {
    const each = records > 0 ? ` ${Math.round(micros * 1_000 / records)} |` : "";
    console.log(`| ${name} | ${(micros / whole * 100).toFixed(1)} % |${each}`);
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: { records: { type: "string", default: "0" }, top: { type: "string", default: "40" } },
  });
  const records = Number(values.records);
  for (const path of positionals) {
    const profile: Profile = JSON.parse(await Deno.readTextFile(path));
    const busy = (shares: Share[]) => shares.filter(([name]) => name !== "(idle)");
    const parts = busy(selfTime(profile, partOf));
    const whole = parts.reduce((sum, [, micros]) => sum + micros, 0);
    print("part", parts.filter(([, micros]) => micros > whole / 500), whole, records);
    const functions = busy(
      selfTime(
        profile,
        (frame) => `${frame.functionName || "(anonymous)"} ${frame.url.split("/").pop()}:${frame.lineNumber + 1}`,
      ),
    );
    print("function", functions.slice(0, Number(values.top)), whole, records);
  }
}
