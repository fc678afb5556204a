import { assertEquals, assertMatch } from "../assert.ts";
import { RunningProgram } from "./running_program.ts";

const program = (name: string) => new URL(`../../actors/${name}`, import.meta.url);

const wrong: ReadonlyArray<readonly [file: string, variable: string, value: string]> = [
  ["shop.ts", "PORT", "eighty"],
  ["shop.ts", "DELIVERY", "exactly-once"],
  ["shop.ts", "DATA_DIR", "/dev/null/data"],
  ["order.ts", "KAFKA_BROKERS", ""],
  ["order.ts", "STOCK", "{"],
  ["inventory.ts", "KAFKA_BROKERS", "localhost"],
  ["inventory.ts", "SESSION_TIMEOUT", "soon"],
];

for (const [file, variable, value] of wrong) {
  Deno.test(`actors/${file} ends with exit code 78 and one line when ${variable} is ${JSON.stringify(value)}`, async () => {
    await using running = new RunningProgram(program(file), { [variable]: value });
    assertEquals(await running.ended(), 78);
    assertEquals([running.lines, running.errors.length], [[], 1]);
    assertMatch(running.errors[0], new RegExp(`^${variable}: `));
  });
}

Deno.test("actors/shop.ts ends with exit code 78 when it does not know an argument", async () => {
  await using running = new RunningProgram(program("shop.ts"), {}, "--loud");
  assertEquals([await running.ended(), running.errors], [78, ['"--loud": expected --quiet-shop or nothing']]);
});

Deno.test("actors/shop.ts ends with exit code 78 when its port is in use", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const PORT = String(taken.addr.port);
  const DATA_DIR = await Deno.makeTempDir();
  await using running = new RunningProgram(program("shop.ts"), { PORT, DATA_DIR }, "--quiet-shop");
  assertEquals(await running.ended(), 78);
  assertEquals(running.errors.filter((line) => line === `PORT: 127.0.0.1:${PORT} is already in use`).length, 1);
  await Deno.remove(DATA_DIR, { recursive: true });
});

Deno.test("actors/shop.ts ends with exit code 78 when it can't listen on HOST", async () => {
  const DATA_DIR = await Deno.makeTempDir();
  // An address for documentation: no machine has it.
  await using running = new RunningProgram(program("shop.ts"), { HOST: "203.0.113.5", PORT: "0", DATA_DIR });
  assertEquals(await running.ended(), 78);
  assertEquals(running.errors.filter((line) => line.startsWith("HOST: can't listen on 203.0.113.5:0: ")).length, 1);
  await Deno.remove(DATA_DIR, { recursive: true });
});

Deno.test("actors/shop.ts ends with exit code 78 when its log can't be used", async () => {
  const DATA_DIR = await Deno.makeTempDir();
  await Deno.mkdir(`${DATA_DIR}/embedded.log`);
  await using running = new RunningProgram(program("shop.ts"), { PORT: "0", DATA_DIR });
  assertEquals(await running.ended(), 78);
  assertMatch(running.errors.join("\n"), /^DATA_DIR: .*embedded\.log can't be opened: [^\n]*$/);
  await Deno.remove(DATA_DIR, { recursive: true });
});
