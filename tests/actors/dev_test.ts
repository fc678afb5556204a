import { assertEquals } from "../assert.ts";
import { RunningProgram } from "./running_program.ts";

// A tree of its own, with a program in the shop's place: the parent is what is tested.
const shop = (name: string) => `
const alive = setInterval(() => {}, 1_000);
Deno.addSignalListener("SIGTERM", () => {
  console.log("${name} drained");
  clearInterval(alive);
  Deno.exit(Number(Deno.env.get("CODE") ?? 0));
});
console.log("${name} is up", ...Deno.args);
`;

async function tree() {
  const path = await Deno.realPath(await Deno.makeTempDir());
  for (const folder of ["actors", "src", "examples"]) await Deno.mkdir(`${path}/${folder}`);
  await Deno.writeTextFile(`${path}/mod.ts`, "");
  await Deno.writeTextFile(`${path}/deno.json`, "{}");
  await Deno.copyFile(new URL("../../examples/dev.ts", import.meta.url), `${path}/examples/dev.ts`);
  const write = (text: string) => Deno.writeTextFile(`${path}/actors/shop.ts`, text);
  await write(shop("first"));
  return { path, write, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
const dev = (path: string, env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  new RunningProgram(new URL(`file://${path}/examples/dev.ts`), env, ...args);

Deno.test("dev passes arguments and signals on and ends with the shop's exit code", async () => {
  await using files = await tree();
  await using running = dev(files.path, { CODE: "7" }, "--quiet-shop");
  await running.line(/^first is up --quiet-shop$/);
  running.process.kill("SIGTERM");
  assertEquals(await running.ended(), 7);
  assertEquals(running.lines.at(-1), "first drained");
});

Deno.test("dev ends with the exit code of a shop that ends by itself", async () => {
  await using files = await tree();
  await files.write("Deno.exit(78);");
  await using running = dev(files.path, {});
  assertEquals(await running.ended(), 78);
});

Deno.test("dev drains the shop and starts it again when a file changes, also after a broken change", async () => {
  await using files = await tree();
  await using running = dev(files.path, {});
  await running.line(/^first is up/);
  await files.write(shop("second"));
  await running.line(/^first drained$/);
  await running.line(/^second is up/);
  await files.write("const half = ");
  await running.line(/^second drained$/);
  await running.line(/waiting for the next change$/);
  await files.write(shop("third"));
  await running.line(/^third is up/);
  running.process.kill("SIGTERM");
  assertEquals(await running.ended(), 0);
});
