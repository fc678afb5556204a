/**
 * The package as another app gets it: published into a registry on the loopback, imported with `jsr:`, type-checked and run.
 */
import config from "../deno.json" with { type: "json" };
import { assert, assertEquals } from "./assert.ts";
import { freshName, kafkaBrokers } from "./support/kafka_broker.ts";
import { Registry } from "./support/registry.ts";

/** The only file of the other app: publishes one event, receives it, prints it, stops. */
const app = (broker: string, topic: string) => `
import { actor, ActorSystem, embedded, event, kafka } from "jsr:${config.name}@${config.version}";
import { z } from "${config.imports.zod}";

const Greeted = event({
  name: "Greeted",
  topic: "${topic}",
  schema: z.object({ name: z.string() }),
  key: ({ name }) => name,
});
const received = Promise.withResolvers<string>();
const greeter = actor({
  name: "greeter",
  receives: [Greeted],
  receive: ({ name }) => received.resolve(name),
});
const broker = Deno.args[0] === "kafka" ? kafka({ brokers: "${broker}" }) : embedded();
await using system = await ActorSystem.start({ actors: [greeter], broker, logLevel: "warn" });
const { topic, offset } = await system.publish(Greeted, { name: "world" });
console.log(await received.promise, topic, offset);
`;

Deno.test({
  name: "another app imports the published package, type-checks and runs it",
  ignore: Deno.permissions.querySync({ name: "run" }).state !== "granted",
  fn: async (t) => {
    await using registry = new Registry(config);
    await using folder = await temporaryFolder();
    const deno = (cwd: string, ...args: ReadonlyArray<string>) => run(cwd, registry.url, `${folder.path}/cache`, args);
    const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
    await deno(root, "publish", "--quiet", "--token=none", "--no-provenance", "--no-check", "--allow-dirty");

    await t.step("it holds what it is to hold and nothing else", () => {
      const files = [...registry.files.keys()];
      for (const file of ["/mod.ts", "/deno.json", "/LICENSE", "/docs/options.md"]) {
        assert(files.includes(file), `${file} is missing`);
      }
      const stray = files.filter((file) =>
        !/^\/(src\/.*\.ts|docs\/.*\.md|mod\.ts|deno\.json|LICENSE|[A-Z]+\.md)$/.test(file)
      );
      assertEquals(stray, []);
    });

    await t.step("every entry point loads", async () => {
      const lines = Object.keys(config.exports).map((entry) => {
        const name = `jsr:${config.name}@${config.version}${entry.slice(1)}`;
        return `console.log(Object.keys(await import("${name}")).length > 0);`;
      });
      await Deno.writeTextFile(`${folder.path}/entries.ts`, lines.join("\n"));
      const printed = await deno(
        folder.path,
        "run",
        "--quiet",
        "--no-lock",
        "--allow-net",
        "--allow-env",
        "entries.ts",
      );
      assertEquals(printed, lines.map(() => "true\n").join(""));
    });

    const topic = freshName("published");
    await Deno.writeTextFile(`${folder.path}/main.ts`, app(kafkaBrokers ?? "", topic));
    const main = ["run", "--quiet", "--no-lock", "--allow-net", "--allow-env", "--check", "main.ts"];
    await t.step("it works on the embedded broker", async () => {
      assertEquals(await deno(folder.path, ...main), `world ${topic} 0\n`);
    });
    // What kafkajs needs is resolved by the package itself then, not by this project's import map.
    await t.step({
      name: "it works on Kafka (real Kafka)",
      ignore: kafkaBrokers === undefined,
      fn: async () => assertEquals(await deno(folder.path, ...main, "kafka"), `world ${topic} 0\n`),
    });
  },
});

/** Runs Deno to its end; answers what it printed. Its cache is its own but for the npm packages. */
async function run(cwd: string, registry: string, cache: string, args: ReadonlyArray<string>): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { JSR_URL: registry, DENO_DIR: cache, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, `deno ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  await Deno.mkdir(`${path}/cache`);
  await Deno.symlink(npmCache, `${path}/cache/npm`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
