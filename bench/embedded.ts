/**
 * `deno task bench:embedded`: how many records a second go through everything there is in one process: published by `send`, kept
 * by the embedded Kafka, fetched, decoded, handled by an actor, committed.
 *
 * `--records N` (default 300,000), `--bytes B` of each value (default 100), `--rounds R` (default 3; the first one warms
 * up). `--json` has an event with a schema and a key instead of plain bytes, `--file` keeps all in a file, too.
 * @module
 */
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import process from "node:process";
import { parseArgs } from "node:util";
import { z } from "zod";

/** What goes through. */
interface Load {
  readonly records: number;
  readonly bytes: number;
  readonly json: boolean;
  readonly file: string | undefined;
}

/** How long it took, in milliseconds. */
interface Round {
  /** Until the sender had taken the last record. */
  readonly accepted: number;
  /** Until the actor had handled it. */
  readonly handled: number;
  /** Processor time of all threads. */
  readonly cpu: number;
}

const Checked = event({
  name: "Checked",
  topic: "measured",
  schema: z.object({ id: z.number(), text: z.string() }),
  key: ({ id }) => String(id),
});
const Plain = event({ name: "Plain", topic: "measured" });

async function measure({ records, bytes, json, file }: Load): Promise<Round> {
  const all = Promise.withResolvers<void>();
  let handled = 0;
  const receive = () => {
    if (++handled === records) all.resolve();
  };
  const receiver = json
    ? actor({ name: "receiver", receives: [Checked], receive })
    : actor({ name: "receiver", receives: [Plain], receive });
  const broker = embedded({ partitions: 4, file });
  await using system = await ActorSystem.start({ actors: [receiver], broker, logLevel: "warn" });
  await system.whenReady();
  const value = new Uint8Array(bytes).fill(120);
  const text = "x".repeat(bytes);
  const before = process.cpuUsage();
  const begun = performance.now();
  for (let id = 0; id < records; id++) {
    await (json ? system.send(Checked, { id, text }) : system.send(Plain, value));
  }
  const accepted = performance.now() - begun;
  await all.promise;
  const { user, system: kernel } = process.cpuUsage(before);
  return { accepted, handled: performance.now() - begun, cpu: (user + kernel) / 1_000 };
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      records: { type: "string", default: "300000" },
      bytes: { type: "string", default: "100" },
      rounds: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
      file: { type: "boolean", default: false },
    },
  });
  const [records, bytes] = [Number(values.records), Number(values.bytes)];
  for (let round = 0; round < Number(values.rounds); round++) {
    const folder = values.file ? await Deno.makeTempDir() : null;
    try {
      const file = folder === null ? undefined : `${folder}/kafka.log`;
      const { accepted, handled, cpu } = await measure({ records, bytes, json: values.json, file });
      const rate = Math.round(records / handled * 1_000).toLocaleString("en");
      const stored = file === undefined ? "" : `, ${Math.round(Deno.statSync(file).size / 1e6)} MB in the file`;
      const each = `${(cpu / records * 1_000).toFixed(1)} µs of processor time each`;
      console.log(
        `${rate} records/s, ${each}; ${handled.toFixed(0)} ms, accepted after ${accepted.toFixed(0)}${stored}`,
      );
    } finally {
      if (folder !== null) await Deno.remove(folder, { recursive: true });
    }
  }
}
