/**
 * Runs `deno test` with a Kafka beside it, and counts.
 * @module
 */
import { kafkaForTests } from "./test_kafka.ts";
import { add, type Counts, TestOutput } from "./summary.ts";

const requireKafka = "--require-kafka";

/**
 * Runs the tests; `args` are those of `deno test` and `--require-kafka`. When `signal` is aborted the tests are ended. In
 * every case the Kafka that was started for them is stopped before this returns.
 */
export async function runTests(args: ReadonlyArray<string>, signal: AbortSignal): Promise<Counts> {
  const required = args.includes(requireKafka) || Deno.env.get("REQUIRE_KAFKA") === "1";
  await using kafka = await kafkaForTests(signal);
  if (signal.aborted) return { passed: 0, failed: 1 };
  console.log(`real-Kafka tests: ${kafka.brokers === null ? "skipped, " : ""}${kafka.note}`);
  const output = new TestOutput();
  const code = await denoTest(args.filter((arg) => arg !== requireKafka), kafka.brokers ?? "", output, signal);
  const counts = output.counts(signal.aborted ? 1 : code);
  if (!required || kafka.brokers !== null && output.skippedOnKafka === 0) return counts;
  console.error(`real-Kafka tests were skipped and ${requireKafka} was given`);
  return add(counts, { passed: 0, failed: Math.max(output.skippedOnKafka, 1) });
}

/** Runs `deno test`, shows what it says and follows it; answers its exit code. */
async function denoTest(
  args: ReadonlyArray<string>,
  brokers: string,
  output: TestOutput,
  signal: AbortSignal,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--doc", ...args],
    env: { KAFKA_BROKERS: brokers },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end);
  const [shown, read] = child.stdout.tee();
  const [{ code }] = await Promise.all([
    child.status.finally(() => signal.removeEventListener("abort", end)),
    shown.pipeTo(Deno.stdout.writable, { preventClose: true }),
    readLines(read, (line) => output.line(line)),
  ]);
  return code;
}

async function readLines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>, take: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
  take(rest);
}
