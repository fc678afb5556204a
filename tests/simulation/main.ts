/**
 * `deno task simulate --schedules N --seed S`: runs N schedules, from seed S on. `--protocol classic` or `consumer`: all by
 * that group protocol; else each by the one it draws. `--first`: ends with the first that fails. A single schedule that
 * fails is made as short as it goes; `--keep 1,4,7` runs just these of its pieces.
 * @module
 */
import "./no_async_context.ts";
import type { GroupProtocol } from "../../src/runtime/settings.ts";
import { describe } from "./pieces.ts";
import { shortest } from "./shortest.ts";
import { type Report, simulate, type SimulateOptions } from "./world.ts";

if (import.meta.main) Deno.exit(run(Deno.args));

/** Runs them and prints what came of it; answers the exit code. */
function run(args: ReadonlyArray<string>): number {
  const option = (name: string, fallback: number) => {
    const at = args.indexOf(`--${name}`);
    const value = at < 0 ? fallback : Number(args[at + 1]);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`--${name}: expected a number, got ${args[at + 1]}`);
    }
    return value;
  };
  const keepAt = args.indexOf("--keep");
  const keep = keepAt < 0 ? undefined : (args[keepAt + 1] ?? "").split(",").filter((one) => one !== "").map(Number);
  const schedules = keep === undefined ? option("schedules", 1_000) : 1;
  const first = option("seed", 1);
  const at = args.indexOf("--protocol");
  const protocol = at < 0 ? null : args[at + 1];
  if (protocol !== null && protocol !== "classic" && protocol !== "consumer") {
    throw new RangeError(`--protocol: expected classic or consumer, got ${protocol}`);
  }
  const groupProtocol: GroupProtocol | null = protocol;
  const begun = performance.now();
  let failed = 0;
  for (let seed = first; seed < first + schedules; seed++) {
    const options = { traced: schedules === 1, groupProtocol, keep };
    const report = ran(seed, options);
    if (report.violations.length === 0) continue;
    failed++;
    if (schedules === 1) console.log(report.trace.join("\n"));
    tell(seed, report.violations);
    console.log(`  deno task simulate --schedules 1 --seed ${seed}${protocolOf(groupProtocol)}`);
    if (schedules === 1 && keep === undefined) tellShortest(report, groupProtocol);
    if (args.includes("--first")) break;
  }
  const seconds = (performance.now() - begun) / 1_000;
  console.log(
    `${schedules} schedules in ${seconds.toFixed(1)} s (${(schedules / seconds).toFixed(0)}/s): ${failed} failed`,
  );
  return failed === 0 ? 0 : 1;
}

function tell(seed: number, violations: ReadonlyArray<string>): void {
  const told = violations[0].split("\n", 1)[0];
  console.log(`seed ${seed}: ${told}${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ""}`);
}

function tellShortest(report: Report, groupProtocol: GroupProtocol | null): void {
  const { keep, violations } = shortest(report);
  console.log(`${keep.length} of its ${report.pieces.length} pieces are enough:`);
  for (const number of keep) console.log(`  ${number}. ${describe(report.pieces[number])}`);
  tell(report.seed, violations);
  console.log(`  deno task simulate --seed ${report.seed}${protocolOf(groupProtocol)} --keep ${keep.join(",")}`);
}

function protocolOf(groupProtocol: GroupProtocol | null): string {
  return groupProtocol === null ? "" : ` --protocol ${groupProtocol}`;
}

/** A schedule in which something is thrown has failed as well. */
function ran(seed: number, options: SimulateOptions): Report {
  try {
    return simulate(seed, options);
  } catch (error) {
    const violations = [`thrown: ${error instanceof Error ? error.message : error}`];
    return { seed, violations, trace: [], script: null, pieces: [], elapsed: 0, steps: 0 };
  }
}
