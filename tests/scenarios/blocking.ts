/**
 * A program whose actor keeps the event loop to itself for 1.5 seconds. Prints one line when it has: the status of
 * `/health/live` and what its metrics say of stalls.
 * @module
 */
import { actor, ActorSystem, embedded, event, operations } from "@troupe/troupe";
import { z } from "zod";

const Asked = event({ name: "Asked", topic: "questions", schema: z.string(), key: (question) => question });

const philosopher = actor({
  name: "philosopher",
  receives: [Asked],
  receive: () => {
    for (const end = performance.now() + 1_500; performance.now() < end;);
  },
});

await using system = await ActorSystem.start({
  actors: [philosopher],
  broker: embedded(),
  partitions: 1,
  watchdog: { stallAfter: 1_000 },
});
const operate = operations(system);
const live = () => operate(new Request("http://localhost/health/live"))?.status;
const before = live();
await system.publish(Asked, "why?");
while (live() === before) await new Promise((resolve) => setTimeout(resolve, 20));
const stalls = system.metrics().split("\n").find((line) => line.startsWith("troupe_event_loop_stalls_total"));
console.log(JSON.stringify({ before, after: live(), stalls, reasons: system.health().reasons }));
