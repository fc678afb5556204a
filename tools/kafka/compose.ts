/**
 * The same Kafka in a container: `docker compose up` with compose.yml.
 * @module
 */
import { run } from "./command.ts";
import { here, kafkaVersion, NoKafka } from "./distribution.ts";
import { freePort, type KafkaNode, type KafkaOptions } from "./node.ts";
import { answers } from "./probe.ts";

/** Why Docker can't be used here, or null: the engine has to answer and the compose plugin to be there. */
export async function whyNotDocker(): Promise<string | null> {
  const [plugin, engine] = await Promise.all([run("docker", ["compose", "version"]), run("docker", ["info"])]);
  if (plugin.code === 127 || engine.code === 127) return "no Docker";
  if (engine.code !== 0) return "no Docker engine answers";
  return plugin.code === 0 ? null : "Docker has no compose plugin";
}

/**
 * Starts the container and waits until Kafka answers (the first time an image is pulled, so there is no time limit). With
 * `project` it is one of its own that leaves nothing behind; else its data stay in a named volume.
 */
export async function startCompose(options: KafkaOptions & { readonly project?: string } = {}): Promise<KafkaNode> {
  const port = options.port || freePort();
  const file = ["compose", "--file", `${here}/../../compose.yml`];
  if (options.project !== undefined) file.push("--project-name", options.project);
  const env = { KAFKA_PORT: String(port), PARTITIONS: String(options.partitions ?? 8) };
  const output = options.project === undefined ? "inherit" : "null";
  const child = new Deno.Command("docker", {
    args: [...file, "up"],
    env,
    stdin: "null",
    stdout: output,
    stderr: output,
  })
    .spawn();
  let alive = true;
  const ended = child.status.then((status) => {
    alive = false;
    return status.code;
  });
  const end = async (signal: Deno.Signal) => {
    if (alive) child.kill(signal);
    await ended;
    if (options.project !== undefined || signal === "SIGKILL") {
      const volumes = options.project === undefined ? [] : ["--volumes"];
      await new Deno.Command("docker", { args: [...file, "down", ...volumes], env, stdout: "null", stderr: "null" })
        .output();
    }
  };
  while (!await answers("127.0.0.1", port)) {
    if (!alive) throw new NoKafka(`docker compose ended before Kafka ${kafkaVersion} answered`, await ended);
    if (options.signal?.aborted) {
      await end("SIGTERM");
      throw new NoKafka(`Kafka ${kafkaVersion} was stopped before it answered`, await ended);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    brokers: `127.0.0.1:${port}`,
    pid: child.pid,
    ended,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () => end("SIGTERM"),
  };
}
