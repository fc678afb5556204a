import { closingLine, TestOutput } from "../../tools/test/summary.ts";
import { RunningProgram } from "../actors/running_program.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { StandInDocker, type StandInOptions } from "./stand_in_docker.ts";

const tool = new URL("../../tools/test/main.ts", import.meta.url);

function countsOf(output: string, code: number): string {
  const read = new TestOutput();
  for (const line of output.split("\n")) read.line(line);
  return closingLine(read.counts(code));
}

Deno.test("counts are those of the last summary, with and without colours, steps and ignored tests", () => {
  assertEquals(countsOf("ok | 3 passed | 0 failed (1ms)", 0), "3 passed, 0 failed");
  assertEquals(
    countsOf("\x1b[0m\x1b[32mok\x1b[0m | 31 passed (2 steps) | 0 failed | 4 ignored", 0),
    "31 passed, 0 failed",
  );
  assertEquals(countsOf("FAILED | 1 passed (1 step) | 2 failed (3 steps) (7s)", 1), "1 passed, 2 failed");
  assertEquals(
    countsOf("ok | 9 passed | 0 failed\nFAILED | 1 passed | 1 failed\nerror: Test failed", 1),
    "1 passed, 1 failed",
  );
});

Deno.test("counts have a failure where the run had one, also when it says nothing of it", () => {
  assertEquals(countsOf("", 0), "0 passed, 1 failed");
  assertEquals(countsOf("error: Type checking failed.", 1), "0 passed, 1 failed");
  assertEquals(countsOf("ok | 3 passed | 0 failed (1ms)", 1), "3 passed, 1 failed");
  assertEquals(countsOf("it is ok | 3 passed | 0 failed", 139), "0 passed, 1 failed");
});

/** What a test prints goes to standard output, which is where the tool reads. */
const files: Record<string, string> = {
  passes: `Deno.test("sees " + Deno.env.get("KAFKA_BROKERS"), () => {});`,
  fails: `Deno.test("one", () => {});\nDeno.test("two", () => { throw new Error("no"); });`,
  breaks: `throw new Error("not even loaded");`,
  skips: `Deno.test({ name: "order (real Kafka)", ignore: true, fn() {} });\nDeno.test("another", () => {});`,
  hangs: `Deno.test("hangs", async () => {
  console.log("hanging");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});`,
};

/** `deno task test` on one of the files above, with a stand-in Docker (null: none) and no Java. */
function runsTool(
  name: string,
  file: keyof typeof files,
  docker: StandInOptions | null,
  fn: (running: RunningProgram, docker: StandInDocker) => Promise<void>,
  { env = {}, args = [] }: { env?: Record<string, string>; args?: ReadonlyArray<string> } = {},
): void {
  Deno.test({
    name: `test ${name}`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using stand = await StandInDocker.make(docker);
      await Deno.writeTextFile(`${stand.path}/a_test.ts`, files[file]);
      const variables = { PATH: stand.path, REQUIRE_KAFKA: "", ...env };
      await using running = new RunningProgram(tool, variables, "--no-check", ...args, `${stand.path}/a_test.ts`);
      await fn(running, stand);
    },
  });
}

runsTool("runs on a Kafka in a container of its own, and takes it away", "passes", {}, async (running, docker) => {
  assertEquals(await running.ended(), 0);
  const [, brokers] = await running.line(/^real-Kafka tests: on (\S+) \(Kafka 4\.3\.1, started here from Docker\)$/);
  await running.line(new RegExp(`^sees ${brokers} \\.\\.\\. ok`));
  assertEquals(running.lines.at(-1), "1 passed, 0 failed");
  const calls = (await docker.calls()).map((call) => call.replace(/ · .*/, ""));
  const project = /--project-name (troupe-test-\d+) up$/.exec(calls[2])?.[1];
  assert(project !== undefined, calls[2]);
  assertMatch(calls[2], /compose\.yml /);
  assertEquals(calls[3], "the container ended by SIGTERM");
  assert(calls[4].endsWith(`--project-name ${project} down --volumes`), calls[4]);
  assertEquals(calls.length, 5);
});

runsTool("takes its Kafka away after a failure too, and ends with 1", "fails", {}, async (running, docker) => {
  assertEquals(await running.ended(), 1);
  assertEquals(running.lines.at(-1), "1 passed, 1 failed");
  assertMatch((await docker.calls()).at(-1) ?? "", /down --volumes/);
});

runsTool("counts a file that doesn't load as a failure", "breaks", {}, async (running) => {
  assertEquals(await running.ended(), 1);
  assertEquals(running.lines.at(-1), "0 passed, 1 failed");
});

runsTool("uses the Kafka that KAFKA_BROKERS names", "passes", {}, async (running, docker) => {
  assertEquals(await running.ended(), 0);
  await running.line(/^real-Kafka tests: on there:1 \(KAFKA_BROKERS\)$/);
  await running.line(/^sees there:1 \.\.\. ok/);
  assertEquals(await docker.calls(), []);
}, { env: { KAFKA_BROKERS: "there:1" } });

runsTool("says why the real-Kafka tests are skipped, and passes", "skips", null, async (running) => {
  assertEquals(await running.ended(), 0);
  await running.line(/^real-Kafka tests: skipped, no Docker; no Java$/);
  assertEquals(running.lines.at(-1), "1 passed, 0 failed");
});

runsTool("goes on without a container that doesn't come up", "passes", { up: 3 }, async (running) => {
  assertEquals(await running.ended(), 0);
  await running.line(/^real-Kafka tests: skipped, docker compose ended before .*; no Java$/);
  await running.line(/^sees {2}\.\.\. ok/);
});

const required = { args: ["--require-kafka"] };
runsTool("--require-kafka fails where there is no Kafka", "passes", null, async (running) => {
  assertEquals(await running.ended(), 1);
  assertEquals(running.lines.at(-1), "1 passed, 1 failed");
  assertStringIncludes(running.errors.join("\n"), "real-Kafka tests were skipped");
}, required);

runsTool("--require-kafka fails for a real-Kafka test that is skipped", "skips", {}, async (running) => {
  assertEquals(await running.ended(), 1);
  assertEquals(running.lines.at(-1), "1 passed, 1 failed");
}, required);

runsTool("REQUIRE_KAFKA=1 does the same", "skips", {}, async (running) => {
  assertEquals(await running.ended(), 1);
}, { env: { REQUIRE_KAFKA: "1" } });

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  runsTool(`stops tests and Kafka on ${signal} and ends with ${code}`, "hangs", {}, async (running, docker) => {
    await running.line(/hanging/);
    running.process.kill(signal);
    assertEquals(await running.ended(), code);
    assertEquals(running.lines.at(-1), "0 passed, 1 failed");
    const calls = await docker.calls();
    assertEquals(calls.at(-2), "the container ended by SIGTERM");
    assertMatch(calls.at(-1) ?? "", /down --volumes/);
  });
}

runsTool("passes its other arguments on", "fails", null, async (running) => {
  assertEquals(await running.ended(), 0);
  assertEquals(running.lines.at(-1), "1 passed, 0 failed");
}, { args: ["--filter", "one"] });
