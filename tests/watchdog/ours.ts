/**
 * A system of ours in which something gets stuck. Says what it acquires and receives, how `/health/live` and its counters
 * change.
 * @module
 */
import { actor, ActorSystem, event, kafka, operations } from "@troupe/troupe";
import { Effect } from "effect";
import { type Handler, readJob, say, short } from "./job.ts";
import { SilentLink } from "./silent_link.ts";

const job = readJob();
const broker = kafka({ brokers: job.brokers, clientId: "watched" });
const link = new SilentLink(broker, job.silent ?? "Fetch");
link.heals = job.heals ?? true;

const Noted = event({ name: "Noted", topic: job.topic });
const never = new Promise<never>(() => {});

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

const stuck: Readonly<Record<Handler, () => unknown>> = {
  never: () => never,
  uninterruptible: () => Effect.uninterruptible(Effect.promise(() => never)),
  busy: () => block(job.busy ?? 0),
  well: () => {},
};

let hanging = job.hanging ?? 0;
const { receiveTimeout, watchdog, ...times } = short;
// On a busy machine a process may stand still for a second; only one trial is about that.
const stallAfter = job.handler === "busy" ? 1_000 : watchdog.stallAfter;
const reader = actor({
  name: "reader",
  group: job.group,
  receives: [Noted],
  ...job.defaults ? {} : { receiveTimeout, retry: { times: 1, initial: 100, jitter: false }, restart: { initial: 50 } },
  resources: () => {
    say("acquiring");
    return hanging-- > 0 ? never : undefined;
  },
  receive: (bytes, { attempt, offset }) => {
    const text = new TextDecoder().decode(bytes as Uint8Array);
    say(`received ${text} ${attempt} @${offset}`);
    const result = text.startsWith("stuck") ? stuck[job.handler ?? "well"]() : undefined;
    if (job.handler === "busy" && text.startsWith("stuck")) say(`done ${text}`);
    return result;
  },
});

const told = [
  "troupe_watchdog_restarts_total",
  "troupe_consumer_renewals_total",
  "troupe_dead_letters_total",
  "_stalls_",
];

/** Says what changes, as an orchestrator and an operator see it. */
function tell(system: ActorSystem): Disposable {
  const operate = operations(system);
  let last = "";
  const timer = setInterval(() => {
    const page = (path: string) => operate(new Request(`http://localhost/health/${path}`))?.status;
    const sums = told.map((name) =>
      system.metrics().split("\n").filter((line) => !line.startsWith("#") && line.includes(name))
        .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)
    );
    const [restarts, renewals, letters, stalls] = sums;
    const now =
      `live ${page("live")} ready ${page("ready")} restarts ${restarts} renewals ${renewals} letters ${letters} ` +
      `stalls ${stalls}`;
    if (now !== last) say(now);
    last = now;
  }, 50);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function obey(): Promise<void> {
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (text.includes("arm")) {
      link.armed = true;
      say("armed");
    }
  }
}

void obey();
await ActorSystem.run({
  actors: [reader],
  broker: { ...broker, open: link.open },
  groupProtocol: job.groupProtocol,
  partitions: 2,
  ...job.defaults ? {} : { ...times, watchdog: { ...watchdog, stallAfter } },
  services: [tell],
});
