import { EventLoopWatch } from "../src/event_loop.ts";
import { assert, assertEquals, assertMatch } from "./assert.ts";

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

Deno.test("EventLoopWatch tells how long the event loop stood still, once it goes on", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  using watch = new EventLoopWatch(700, resolve);
  assertEquals(watch.trouble(), []);
  const held = setInterval(() => {}, 1_000); // the watch itself holds no process
  block(1_000);
  const ms = await promise;
  clearInterval(held);
  assert(ms >= 700, `${ms}`);
  assert(watch.longest >= ms);
  assertMatch(watch.trouble().join(), /^the event loop stood still for \d+ ms/);
});

Deno.test("a handler that blocks the event loop fails liveness, and the log says how long and most likely whose", async () => {
  const program = new URL("scenarios/blocking.ts", import.meta.url).pathname;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "--allow-all", "--config", config, program];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, err);
  const said = JSON.parse(out.split("\n").find((line) => line.startsWith('{"before"')) ?? "{}");
  assertEquals([said.before, said.after], [200, 503], out);
  assertMatch(said.stalls, /^troupe_event_loop_stalls_total [1-9]/);
  assertMatch(out + err, /the event loop stood still for 1[\d]{3} ms.*philosopher on questions\/0/);
});
