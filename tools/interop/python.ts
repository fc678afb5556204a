/**
 * Programs in Python on librdkafka (confluent-kafka), which pip fetches once into the cache beside Kafka's jars.
 * @module
 */
import { lastLine, run } from "../kafka/command.ts";
import { cacheFolder, once } from "../kafka/distribution.ts";

/** The version that is fetched. */
const confluentKafka = "confluent-kafka==2.16.1";

/** A program that can be started; standard input and output are pipes. Whoever starts it ends it. */
export interface PythonProgram {
  readonly spawn: (args: ReadonlyArray<string>) => Deno.ChildProcess;
}

/** The program in `python/<name>.py`. Throws an Error that says what is missing. */
export async function pythonProgram(name: string): Promise<PythonProgram> {
  const python = await run("python3", ["-c", "import sys; print(sys.implementation.cache_tag)"]);
  if (python.code !== 0) throw new Error("no python3");
  const packages = `${cacheFolder()}/python/${confluentKafka}-${lastLine(python.text)}`;
  await Deno.mkdir(`${cacheFolder()}/python`, { recursive: true });
  await once(packages, async (into) => {
    const pip = await run("python3", ["-m", "pip", "install", "--quiet", "--target", into, confluentKafka]);
    if (pip.code !== 0) throw new Error(`pip could not fetch ${confluentKafka}: ${lastLine(pip.text)}`);
  });
  return {
    spawn: (args) =>
      new Deno.Command("python3", {
        args: [`${import.meta.dirname}/python/${name}.py`, ...args],
        env: { PYTHONPATH: packages },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
  };
}
