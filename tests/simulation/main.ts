/**
 * `deno task simulate --schedules N --seed S`: runs N schedules, from seed S on. `--protocol classic` or `consumer`: all by
 * that group protocol; else each by the one it draws. `--first`: ends with the first that fails.
 * @module
 */
import type { GroupProtocol } from "../../src/runtime/settings.ts";
import { type Report, simulate } from "./world.ts";

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
  const schedules = option("schedules", 1_000);
  const first = option("seed", 1);
  const at = args.indexOf("--protocol");
  const protocol = at < 0 ? null : args[at + 1];
  if (protocol !== null && protocol !== "classic" && protocol !== "consumer") {
    throw new RangeError(`--protocol: expected classic or consumer, got ${protocol}`);
  }
  const begun = performance.now();
  let failed = 0;
  for (let seed = first; seed < first + schedules; seed++) {
    const { violations, trace } = ran(seed, schedules === 1, protocol);
    if (violations.length === 0) continue;
    failed++;
    const told = violations[0].split("\n", 1)[0];
    if (schedules === 1) console.log(trace.join("\n"));
    console.log(`seed ${seed}: ${told}${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ""}`);
    console.log(
      `  deno task simulate --schedules 1 --seed ${seed}${protocol === null ? "" : ` --protocol ${protocol}`}`,
    );
    if (args.includes("--first")) break;
  }
  const seconds = (performance.now() - begun) / 1_000;
  console.log(
    `${schedules} schedules in ${seconds.toFixed(1)} s (${(schedules / seconds).toFixed(0)}/s): ${failed} failed`,
  );
  return failed === 0 ? 0 : 1;
}

/** A schedule in which something is thrown has failed as well. */
function ran(seed: number, traced: boolean, protocol: GroupProtocol | null): Pick<Report, "violations" | "trace"> {
  try {
    return simulate(seed, traced, protocol);
  } catch (error) {
    return { violations: [`thrown: ${error instanceof Error ? error.message : error}`], trace: [] };
  }
}
