/**
 * `deno task ok`: all that has to hold before a change goes in, as CI runs it. Every step runs, also after one that failed;
 * a failed step counts as one more failure. Arguments go to `deno test`.
 * @module
 */
import { endOnSignal } from "./test/ending.ts";
import { runTests } from "./test/runner.ts";
import { add, closingLine, type Counts } from "./test/summary.ts";

const steps: ReadonlyArray<readonly [...string[]]> = [
  ["fmt", "--check"],
  ["lint"],
  ["check", "--doc"],
  ["publish", "--dry-run", "--allow-dirty"],
];

if (import.meta.main) {
  const ending = endOnSignal();
  const failures: Array<string> = [];
  const times: Array<string> = [];
  let counts: Counts = { passed: 0, failed: 0 };
  const timed = async (name: string, run: () => Promise<Counts>) => {
    if (ending.signal.aborted) return;
    console.log(`\n— ${name}`);
    const start = performance.now();
    const found = await run();
    counts = add(counts, found);
    times.push(`${name} ${Math.round((performance.now() - start) / 100) / 10} s`);
    if (found.failed > 0) failures.push(name);
  };
  for (const args of steps) await timed(`deno ${args.join(" ")}`, () => step(args));
  await timed("deno task test", () => runTests(Deno.args, ending.signal));
  console.log(`\n${times.join(" · ")}`);
  if (failures.length > 0) console.log(`failed: ${failures.join(", ")}`);
  console.log(closingLine(counts));
  Deno.exit(ending.code() ?? (counts.failed === 0 ? 0 : 1));
}

/** Runs one command of Deno's. What passed is only counted among the tests. */
async function step(args: ReadonlyArray<string>): Promise<Counts> {
  const { code } = await new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" }).spawn().status;
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}
