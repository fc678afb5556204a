/**
 * A Kafka to run without Docker: its published jars, fetched once by Maven into a cache of this user, and the two files
 * of a formatted log directory, made once and copied for each new node.
 * @module
 */
import { lastLine, run } from "./command.ts";

/** The version that is run; pom.xml pins the same. */
export const kafkaVersion = "4.3.1";

/** A Kafka that can be started. */
export interface Distribution {
  /** The class path. */
  readonly classPath: string;
  /** The files of a freshly formatted log directory of node 1. */
  readonly template: string;
}

/** There is no way to run a Kafka here; the message is one line that says what is missing. */
export class NoKafka extends Error {
  /** Printed in stack traces. */
  override readonly name = "NoKafka";
  /** `code` is the exit code of what was to be Kafka, where it came that far. */
  constructor(message: string, readonly code: number = 1) {
    super(message);
  }
}

/** Why the jars can't be run here, or null. Java has to be 17 or newer; Maven is only needed once. */
export async function whyNotJava(): Promise<string | null> {
  const java = await run("java", ["-version"]);
  const version = Number(/version "(\d+)/.exec(java.text)?.[1] ?? 0);
  if (java.code !== 0) return "no Java";
  if (version < 17) return `Java ${version}, older than 17`;
  if (await exists(`${cacheFolder()}/jars`)) return null;
  return (await run("mvn", ["-v"])).code === 0 ? null : "no Maven";
}

/** The jars and the formatted template, from the cache or made now (some seconds, about 50 MB). */
export async function distribution(): Promise<Distribution> {
  const folder = cacheFolder();
  await Deno.mkdir(folder, { recursive: true });
  const jars = `${folder}/jars`;
  await once(jars, (into) => fetchJars(into));
  const classPath = `${jars}/*`;
  const template = `${folder}/formatted`;
  await once(template, (into) => format(classPath, into));
  return { classPath, template };
}

/** Where the jars are kept. */
export function cacheFolder(): string {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  const base = Deno.env.get("XDG_CACHE_HOME") ?? Deno.env.get("LOCALAPPDATA") ??
    (home === undefined ? Deno.env.get("TMPDIR") ?? "/tmp" : `${home}/.cache`);
  return `${base}/troupe/kafka-${kafkaVersion}`;
}

/** Makes a folder in one step, so that a broken or a second concurrent run leaves nothing half done behind. */
export async function once(folder: string, make: (into: string) => Promise<void>): Promise<void> {
  if (await exists(folder)) return;
  const partial = `${folder}.${crypto.randomUUID()}`;
  await Deno.mkdir(partial);
  try {
    await make(partial);
    await Deno.rename(partial, folder);
  } catch (cause) {
    await Deno.remove(partial, { recursive: true });
    if (!await exists(folder)) throw cause;
  }
}

async function fetchJars(into: string): Promise<void> {
  const maven = await run("mvn", [
    "--quiet",
    "--batch-mode",
    "--file",
    `${here}/pom.xml`,
    "dependency:copy-dependencies",
    "-DincludeScope=runtime",
    `-DoutputDirectory=${into}`,
  ]);
  if (maven.code !== 0) throw new NoKafka(`Maven could not fetch Kafka ${kafkaVersion}: ${lastLine(maven.text)}`);
}

/** Formats a log directory of node 1; `more` are further arguments of the storage tool. */
export async function format(classPath: string, into: string, more: ReadonlyArray<string> = []): Promise<void> {
  const settings = `${into}/server.properties`;
  const data = `${into}/data`;
  // Formatting reads the node's id, its role and the log directory; ports don't get into what it writes.
  await Deno.writeTextFile(
    settings,
    [
      "process.roles=broker,controller",
      "node.id=1",
      "controller.quorum.voters=1@127.0.0.1:9093",
      "controller.listener.names=CONTROLLER",
      "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093",
      "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
      `log.dirs=${data}`,
    ].join("\n"),
  );
  const tool = await run("java", [
    "-cp",
    classPath,
    "-XX:TieredStopAtLevel=1",
    `-Dlog4j2.configurationFile=${here}/log4j2.properties`,
    `-Dtroupe.kafka.log=${into}/format.log`,
    "kafka.tools.StorageTool",
    "format",
    "--cluster-id",
    "dHJvdXBlLWthZmthLTEyMw",
    "--config",
    settings,
    ...more,
  ]);
  if (tool.code !== 0) throw new NoKafka(`Kafka's log directory could not be formatted: ${lastLine(tool.text)}`);
  for await (const file of Deno.readDir(data)) await Deno.rename(`${data}/${file.name}`, `${into}/${file.name}`);
  await Deno.remove(data);
}

/** The folder of this file. */
export const here: string = import.meta.dirname ?? ".";

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
