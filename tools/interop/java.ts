/**
 * Programs in Java on Kafka's own client: one source file each in `java/`, compiled once into the cache beside Kafka's
 * jars, whose class path they run on.
 * @module
 */
import { lastLine, run } from "../kafka/command.ts";
import { cacheFolder, distribution, here as kafkaTools, NoKafka, once } from "../kafka/distribution.ts";

/** A compiled program. */
export interface JavaProgram {
  /** Runs it to its end and answers the lines it printed. Throws an Error with what it complained of. */
  readonly run: (args: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>;
  /** Starts it; standard input and output are pipes, standard error goes to the terminal. Whoever starts it ends it. */
  readonly spawn: (args: ReadonlyArray<string>) => Deno.ChildProcess;
}

/** The program in `java/<name>.java`, whose class has the same name. Throws NoKafka where Java or the jars can't be had. */
export async function javaProgram(name: string): Promise<JavaProgram> {
  const { classPath } = await distribution();
  const source = `${here}/java/${name}.java`;
  const classes = `${cacheFolder()}/classes/${name}-${await hash(source)}`;
  await Deno.mkdir(`${cacheFolder()}/classes`, { recursive: true });
  await once(classes, (into) => compile(source, classPath, into));
  const jvm = [
    "-cp",
    `${classes}${separator}${classPath}`,
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    `-Dlog4j2.configurationFile=${kafkaTools}/log4j2.properties`,
    `-Dtroupe.kafka.log=${classes}/log`,
    name,
  ];
  return {
    run: async (args) => {
      const { code, stdout, stderr } = await new Deno.Command("java", { args: [...jvm, ...args], stdin: "null" })
        .output();
      if (code !== 0) throw new Error(`${name} ${args[0]} ended with ${code}: ${text.decode(stderr).trim()}`);
      return text.decode(stdout).split("\n").slice(0, -1);
    },
    spawn: (args) =>
      new Deno.Command("java", { args: [...jvm, ...args], stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn(),
  };
}

async function compile(source: string, classPath: string, into: string): Promise<void> {
  const options = ["-cp", await expanded(classPath), "-d", into, source];
  // As a module: a program called javac need not be on the PATH.
  let { code, text } = await run("java", ["--module", "jdk.compiler/com.sun.tools.javac.Main", ...options]);
  if (code !== 0 && text.includes("jdk.compiler not found")) {
    const ecj = `${cacheFolder()}/ecj`;
    await once(ecj, fetchCompiler);
    ({ code, text } = await run("java", ["-jar", `${ecj}/ecj.jar`, "-17", "-nowarn", "-proc:none", ...options]));
  }
  if (code !== 0) throw new NoKafka(`${source}: ${text}`);
}

/** Eclipse's compiler, for a Java that has none. */
async function fetchCompiler(into: string): Promise<void> {
  const maven = await run("mvn", [
    "--quiet",
    "--batch-mode",
    "--file",
    `${here}/java/pom.xml`,
    "dependency:copy-dependencies",
    "-Dmdep.stripVersion=true",
    `-DoutputDirectory=${into}`,
  ]);
  if (maven.code !== 0) throw new NoKafka(`this Java has no compiler, and Maven fetched none: ${lastLine(maven.text)}`);
}

/** The jars of a class path that ends in a star: the compiler knows no stars when it is run as a module. */
async function expanded(classPath: string): Promise<string> {
  const folder = classPath.slice(0, -1);
  const jars: Array<string> = [];
  for await (const { name } of Deno.readDir(folder)) jars.push(folder + name);
  return jars.join(separator);
}

/** The beginning of a file's hash: a changed program is another one. */
async function hash(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex().slice(0, 12);
}

/** The folder of this file. */
const here = import.meta.dirname ?? ".";
const separator = Deno.build.os === "windows" ? ";" : ":";
const text = new TextDecoder();
