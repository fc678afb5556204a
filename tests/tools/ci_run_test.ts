/** .ci/run with stand-ins for deno and npm: the real gate runs these very tests. */
import { assertEquals, assertStringIncludes } from "../assert.ts";

const script = new URL("../../.ci/run", import.meta.url);
const wanted = /^wanted=(\S+)$/m.exec(await Deno.readTextFile(script))?.[1] ?? "";

/** A `deno` of this version whose gate says and ends so. */
const deno = (version: string, gate = "", code = 0) =>
  `#!/bin/sh
if [ "$1" = --version ]; then echo "deno ${version} (stable)"; exit 0; fi
echo "$@" >> "$ROOT/asked"
printf '%b' '${gate}'
exit ${code}
`;

/** An `npm` that can or can't install for everyone, and for one prefix. */
const npm = (everywhere: boolean, one: boolean) =>
  `#!/bin/sh
echo "npm $*" >> "$ROOT/asked"
case "$*" in
  "prefix --global") echo "$ROOT/global"; exit 0 ;;
  *--prefix*) ${one ? 'while [ "$1" != --prefix ]; do shift; done; into="$2"' : "exit 1"} ;;
  *) ${everywhere ? 'into="$ROOT/global"' : "exit 1"} ;;
esac
mkdir -p "$into/bin"
cp "$ROOT/fetched" "$into/bin/deno"
chmod +x "$into/bin/deno"
`;

interface Machine {
  /** What the deno command on it is; default one that is too old. */
  readonly deno?: string;
  readonly npm?: string;
  /** The deno that npm fetches. */
  readonly fetched?: string;
}

/** Runs the script there; answers its exit code, its last line, all it said, and what the stand-ins were asked. */
async function run(machine: Machine) {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/.ci`);
    await Deno.mkdir(`${root}/bin`);
    await Deno.copyFile(script, `${root}/.ci/run`);
    await Deno.writeTextFile(`${root}/bin/deno`, machine.deno ?? deno("1.0.0"), { mode: 0o755 });
    await Deno.writeTextFile(`${root}/bin/npm`, machine.npm ?? npm(false, false), { mode: 0o755 });
    await Deno.writeTextFile(`${root}/fetched`, machine.fetched ?? deno(wanted, "2 passed, 0 failed\\n"));
    const env = { ROOT: root, PATH: `${root}/bin:${Deno.env.get("PATH")}`, TMPDIR: root };
    const { code, stdout } = await new Deno.Command(`${root}/.ci/run`, { env, stdin: "null" }).output();
    const said = new TextDecoder().decode(stdout);
    const asked = (await Deno.readTextFile(`${root}/asked`)).trim().split("\n");
    const scratch = Array.from(Deno.readDirSync(root)).filter(({ name }) => name.startsWith("tmp."));
    assertEquals(scratch, [], "something is left behind");
    return { code, last: said.trimEnd().split("\n").at(-1), said, asked };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function ciTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `.ci/run ${name}`, ignore: Deno.build.os === "windows", fn });
}

ciTest("runs the gate with a real Kafka and ends as it does", async () => {
  const good = await run({ deno: deno(wanted, "a test\\n7 passed, 0 failed\\n") });
  assertEquals([good.code, good.last], [0, "7 passed, 0 failed"]);
  assertEquals(good.asked, ["task --quiet ok --require-kafka"]);
  const bad = await run({ deno: deno(wanted, "6 passed, 1 failed\\n", 1) });
  assertEquals([bad.code, bad.last], [1, "6 passed, 1 failed"]);
});

ciTest("counts a gate that dies without a last line as a failure, whatever its exit code", async () => {
  for (const code of [0, 137]) {
    const { code: ended, last } = await run({ deno: deno(wanted, "7 passed, 0 failed\\nand then this\\n", code) });
    assertEquals([ended, last], [1, "0 passed, 1 failed"]);
  }
});

ciTest("fetches Deno for everyone, where it is another version", async () => {
  const { code, last, asked } = await run({ npm: npm(true, true) });
  assertEquals([code, last], [0, "2 passed, 0 failed"]);
  assertStringIncludes(asked[0], "npm install --global");
  assertStringIncludes(asked[0], `deno@${wanted}`);
  assertEquals(asked.at(-1), "task --quiet ok --require-kafka");
});

ciTest("fetches Deno for this run alone, where it may not for everyone", async () => {
  const { code, last, asked } = await run({ npm: npm(false, true) });
  assertEquals([code, last], [0, "2 passed, 0 failed"]);
  assertStringIncludes(asked[1], "--prefix");
});

ciTest("fails where Deno can't be had", async () => {
  const { code, last, said } = await run({});
  assertEquals([code, last], [1, "0 passed, 1 failed"]);
  assertStringIncludes(said, `Deno ${wanted} can't be had`);
});

Deno.test(".ci/run, the publish workflow and the running Deno are of one version", async () => {
  const workflow = await Deno.readTextFile(new URL("../../.github/workflows/publish.yml", import.meta.url));
  assertStringIncludes(workflow, `deno@${wanted}`);
  assertEquals(Deno.version.deno.split(".").slice(0, 2), wanted.split(".").slice(0, 2));
});

Deno.test("the workflows publish without a token, by actions pinned to a commit", () => {
  const folder = new URL("../../.github/workflows/", import.meta.url);
  const texts = Array.from(Deno.readDirSync(folder), ({ name }) => Deno.readTextFileSync(new URL(name, folder)));
  for (const text of texts) {
    for (const [, action] of text.matchAll(/uses: (\S+)/g)) assertEquals(/@[0-9a-f]{40}$/.test(action), true, action);
    assertEquals(/secrets\.|--token/.test(text), false);
    assertEquals(text.includes("deno publish"), text.includes("id-token: write"));
  }
});
