/**
 * `deno task test`: every test, also the code in the documentation. Those on a real Kafka use the one KAFKA_BROKERS names,
 * else one that is started here for them alone, else they are skipped; it says which.
 *
 * `--require-kafka` (or REQUIRE_KAFKA=1, for CI) makes a skipped real-Kafka test a failure. All other arguments go to
 * `deno test`. The last line is `N passed, N failed`; the exit code is 1 if anything failed.
 * @module
 */
import { endOnSignal } from "./ending.ts";
import { runTests } from "./runner.ts";
import { closingLine } from "./summary.ts";

if (import.meta.main) {
  const ending = endOnSignal();
  const counts = await runTests(Deno.args, ending.signal);
  console.log(closingLine(counts));
  Deno.exit(ending.code() ?? (counts.failed === 0 ? 0 : 1));
}
