/**
 * A broker's process: Java on a folder that holds its settings, its log of messages and its log of events.
 * @module
 */
import { lastLine } from "./command.ts";
import { here, kafkaVersion, NoKafka } from "./distribution.ts";
import { answers } from "./probe.ts";

/** What a broker's process is started with. */
export interface Launch {
  /** Kafka's jars. */
  readonly classPath: string;
  /** Where it keeps everything; the formatted log directory is in `log`. */
  readonly folder: string;
  /** The lines of server.properties. */
  readonly settings: Readonly<Record<string, string>>;
  /** The least and the most heap in MiB; default 256 to 512. */
  readonly heap?: readonly [least: number, most: number];
  /** A listener at 127.0.0.1 that speaks without TLS: it answers once the broker is up. */
  readonly port: number;
  /** How long that may take, in ms; default 60,000. */
  readonly startTimeout?: number;
  /** Ends a start under way. */
  readonly signal?: AbortSignal;
}

/** A broker's process, up or not. */
export interface KafkaProcess {
  /** Its id. */
  readonly pid: number;
  /** Its exit code, when it has ended. */
  readonly ended: Promise<number>;
  /** Sends a signal, if it still runs. */
  readonly send: (signal: Deno.Signal) => void;
  /** Sends a signal and waits for the end; after 20 s it is killed. */
  readonly end: (signal: Deno.Signal) => Promise<void>;
  /** Waits until it answers. Throws `NoKafka`, the process having ended, when it does not. */
  readonly up: () => Promise<void>;
}

/** Starts the process; it is not up yet. */
export async function launch(options: Launch): Promise<KafkaProcess> {
  const { classPath, folder, port, heap: [least, most] = [256, 512] } = options;
  const log = `${folder}/kafka.log`;
  const lines = Object.entries(options.settings).map(([name, value]) => `${name}=${value}\n`).join("");
  await Deno.writeTextFile(`${folder}/server.properties`, lines);
  await Deno.writeTextFile(log, "");
  const child = new Deno.Command("java", {
    args: [
      "-cp",
      classPath,
      `-Xms${least}m`,
      `-Xmx${most}m`,
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Xshare:auto",
      `-Dlog4j2.configurationFile=${here}/log4j2.properties`,
      `-Dtroupe.kafka.log=${log}`,
      "kafka.Kafka",
      `${folder}/server.properties`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let alive = true;
  const ended = child.status.then((status) => {
    alive = false;
    return status.code;
  });
  const send = (signal: Deno.Signal) => {
    if (alive) child.kill(signal);
  };
  const end = async (signal: Deno.Signal) => {
    const timer = setTimeout(() => send("SIGKILL"), 20_000);
    send(signal);
    await ended;
    clearTimeout(timer);
  };
  const up = async () => {
    const deadline = Date.now() + (options.startTimeout ?? 60_000);
    while (!await answers("127.0.0.1", port)) {
      if (alive && Date.now() < deadline && !options.signal?.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        continue;
      }
      const said = options.signal?.aborted ? "it was stopped" : firstFault(await Deno.readTextFile(log));
      await end("SIGKILL");
      throw new NoKafka(`Kafka ${kafkaVersion} on 127.0.0.1:${port} did not come up: ${said}`, await ended);
    }
  };
  return { pid: child.pid, ended, send, end, up };
}

/** The line of a node's log that says why it ended. */
function firstFault(log: string): string {
  return /^[\w.$]+(?:Exception|Error): (.+)$/m.exec(log)?.[1] ?? lastLine(log);
}

/** Copies the formatted template where no log is kept yet, for the node of this id. */
export async function prepare(folder: string, template: string, nodeId: number = 1): Promise<void> {
  await Deno.mkdir(`${folder}/log`, { recursive: true });
  for (const file of ["bootstrap.checkpoint", "meta.properties"]) {
    const target = `${folder}/log/${file}`;
    if (await Deno.stat(target).then(() => true, () => false)) continue;
    await Deno.copyFile(`${template}/${file}`, target);
    if (file !== "meta.properties" || nodeId === 1) continue;
    // Formatted for node 1: another id makes it another node's; a directory's id must differ as well.
    const directory = crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
    const text = (await Deno.readTextFile(target)).replace(/^node\.id=.*$/m, `node.id=${nodeId}`)
      .replace(/^directory\.id=.*$/m, `directory.id=${directory}`);
    await Deno.writeTextFile(target, text);
  }
}
