import { kafkaVersion } from "../../tools/kafka/distribution.ts";
import { freePort } from "../../tools/kafka/node.ts";
import { answers } from "../../tools/kafka/probe.ts";
import { RunningProgram } from "../actors/running_program.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { ownKafkaPossible } from "../support/own_kafka.ts";
import { StandInDocker, type StandInOptions } from "./stand_in_docker.ts";

const tool = new URL("../../tools/kafka/main.ts", import.meta.url);
const composeFile = "tools/kafka/../../compose.yml";

/** `deno task kafka` with nothing but these folders on PATH. */
function kafka(path: string, env: Readonly<Record<string, string>> = {}): RunningProgram {
  return new RunningProgram(tool, { PATH: path, PARTITIONS: "", DATA_DIR: "", ...env });
}

/** What it complains of, and its exit code. */
async function complaint(path: string, env: Readonly<Record<string, string>>): Promise<readonly [number, string]> {
  await using running = kafka(path, env);
  const code = await running.ended();
  assertEquals(running.lines, []);
  assertEquals(running.errors.length, 1, running.errors.join("\n"));
  return [code, running.errors[0]];
}

const docker = (name: string, options: StandInOptions | null, fn: (docker: StandInDocker) => Promise<void>) =>
  Deno.test({
    name: `kafka ${name}`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using stand = await StandInDocker.make(options);
      await fn(stand);
    },
  });

docker("runs compose.yml where Docker answers, until SIGTERM, and ends with 0", {}, async (docker) => {
  const port = String(freePort());
  await using running = kafka(docker.path, { KAFKA_PORT: port, PARTITIONS: "3" });
  await running.line(new RegExp(`^Kafka ${kafkaVersion} on 127\\.0\\.0\\.1:${port}$`));
  running.process.kill("SIGTERM");
  assertEquals(await running.ended(), 0);
  const calls = await docker.calls();
  assertEquals(calls.slice(0, 2).map((call) => call.split(" · ")[0]).sort(), ["compose version", "info"]);
  assertMatch(calls[2], /^compose --file \S+ up · /);
  assertStringIncludes(calls[2], `${composeFile} up · ${port} 3`);
  assertEquals(calls.slice(3), ["the container ended by SIGTERM"]);
});

docker("passes Ctrl-C on as SIGTERM and ends with 0", {}, async (docker) => {
  await using running = kafka(docker.path, { KAFKA_PORT: "0" });
  await running.line(/^Kafka/);
  running.process.kill("SIGINT");
  assertEquals(await running.ended(), 0);
  assertEquals((await docker.calls()).at(-1), "the container ended by SIGTERM");
});

docker("says that compose ended before Kafka answered, with its exit code", { up: 18 }, async (docker) => {
  const [code, line] = await complaint(docker.path, { KAFKA_PORT: "0" });
  assertEquals(code, 18);
  assertStringIncludes(line, "docker compose ended before");
});

const lacks: ReadonlyArray<readonly [string, StandInOptions | null, string]> = [
  ["no docker command", null, "no Docker and no Java"],
  ["an engine that doesn't answer", { info: 1 }, "no Docker engine answers and no Java"],
  ["no compose plugin", { compose: 1 }, "Docker has no compose plugin and no Java"],
];
for (const [what, options, says] of lacks) {
  docker(`with ${what} and no Java says in one line what it takes`, options, async (docker) => {
    const [code, line] = await complaint(docker.path, { KAFKA_PORT: "0" });
    assertEquals(code, 1);
    assertStringIncludes(line, says);
    assertStringIncludes(line, "it takes Docker with compose, or Java 17 or newer and Maven");
    assert(!(await docker.calls()).some((call) => / up /.test(call)));
  });
}

docker("refuses a wrong variable with 78, names it, and starts nothing", {}, async (docker) => {
  const wrong: Record<string, ReadonlyArray<string>> = {
    KAFKA_PORT: ["65536", "-1", "90.5", "http", " 9092"],
    PARTITIONS: ["0", "many", "10001", "8.0"],
  };
  for (const [variable, values] of Object.entries(wrong)) {
    for (const value of values) {
      const [code, line] = await complaint(docker.path, { [variable]: value });
      assertEquals(code, 78);
      assertStringIncludes(line, variable);
      assertStringIncludes(line, value);
    }
  }
  assertEquals(await docker.calls(), []);
});

docker("says who has the port", {}, async (docker) => {
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(other.addr.port);
  const [code, line] = await complaint(docker.path, { KAFKA_PORT: port });
  other.close();
  assertEquals(code, 1);
  assertStringIncludes(line, `something else already listens on 127.0.0.1:${port}`);
});

Deno.test({
  name: "kafka runs the jars where Docker doesn't answer, keeps its log, and lets no second one near it (own Kafka)",
  ignore: !ownKafkaPossible,
  fn: async () => {
    await using docker = await StandInDocker.make({ info: 1 });
    const path = `${docker.path}:${Deno.env.get("PATH")}`;
    const port = String(freePort());
    const env = { KAFKA_PORT: port, DATA_DIR: `${docker.path}/data` };
    await using first = kafka(path, env);
    await first.line(new RegExp(`^Kafka ${kafkaVersion} on 127\\.0\\.0\\.1:${port}$`));
    assert(await answers("127.0.0.1", Number(port)));

    const [code, line] = await complaint(path, env);
    assertEquals(code, 1);
    assertStringIncludes(line, `a Kafka already listens on 127.0.0.1:${port}`);
    const [folderCode, folderLine] = await complaint(path, { ...env, KAFKA_PORT: "0" });
    assertEquals(folderCode, 1);
    assertStringIncludes(folderLine, `another Kafka keeps its log in ${docker.path}/data/kafka`);

    first.process.kill("SIGTERM");
    assertEquals(await first.ended(), 0);
    assertEquals(await answers("127.0.0.1", Number(port)), false);
    const log = await Deno.stat(`${docker.path}/data/kafka/log/__cluster_metadata-0`);
    assert(log.isDirectory);
  },
});

Deno.test("answers is false for what is no Kafka, and soon", async () => {
  assertEquals(await answers("127.0.0.1", freePort()), false);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const replies: ReadonlyArray<Uint8Array> = [
    new Uint8Array(0),
    Uint8Array.of(0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 1), // another request's answer
    Uint8Array.of(0, 0, 0, 12, 0, 0, 0, 7, 0, 0, 0, 0), // a Kafka that knows no broker yet
    new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
  ];
  for (const reply of replies) {
    const [result] = await Promise.all([
      answers("127.0.0.1", listener.addr.port),
      listener.accept().then(async (connection) => {
        await connection.read(new Uint8Array(64));
        if (reply.length > 0) await connection.write(reply);
        connection.close();
      }),
    ]);
    assertEquals(result, false);
  }
  listener.close();
});
