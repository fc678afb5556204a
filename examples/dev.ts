/**
 * `deno task dev`: runs the shop and starts it again when a file changes. A small parent instead of `deno run --watch`,
 * which cuts the drain short and swallows exit codes. Its arguments go to the shop.
 * @module
 */

/** Milliseconds of quiet after a change: editors write a file in several steps. */
const quietTime = 200;
/** A shop that fails sooner than this after a change never came up: the change is probably half written. */
const comingUp = 10_000;

const root = `${import.meta.dirname}/..`;
const watched = ["actors", "src", "examples", "mod.ts", "deno.json"].map((name) => `${root}/${name}`);

/** The running shop, and whether it was asked to end. */
interface Running {
  readonly process: Deno.ChildProcess;
  readonly since: number;
  asked: boolean;
}

let shop = start();
let ending = false;
let changed = Promise.withResolvers<void>();
let reloads = 0;

function start(): Running {
  const args = ["run", "--quiet", "--allow-all", `${root}/actors/shop.ts`, ...Deno.args];
  return { process: new Deno.Command(Deno.execPath(), { args }).spawn(), since: performance.now(), asked: false };
}

function pass(signal: Deno.Signal): void {
  try {
    shop.process.kill(signal);
  } catch {
    // It has ended already.
  }
  shop.asked = true;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    // A shop that is draining for a reload has had its first signal: a second one would cut the drain.
    if (ending || !shop.asked) pass(signal);
    ending = true;
    changed.resolve();
  });
}

async function watch(): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const { kind, paths } of Deno.watchFs(watched)) {
    if (kind === "access" || !paths.some((path) => /\.(ts|tsx|json)$/.test(path))) continue;
    clearTimeout(timer);
    timer = setTimeout(() => {
      changed.resolve();
      if (!shop.asked) pass("SIGTERM");
    }, quietTime);
  }
}
watch().catch((error) => console.error("files are not watched:", error));

while (true) {
  const { code } = await shop.process.status;
  const fresh = reloads > 0 && performance.now() - shop.since < comingUp;
  if (!ending && !shop.asked && code === 1 && fresh) {
    console.log("the shop failed; waiting for the next change");
    await changed.promise;
  } else if (ending || !shop.asked) Deno.exit(code);
  if (ending) Deno.exit(code);
  reloads++;
  console.log("a file has changed: starting again");
  changed = Promise.withResolvers();
  shop = start();
}
