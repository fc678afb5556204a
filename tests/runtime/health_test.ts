import { healthOf, type Signs } from "../../src/runtime/health.ts";
import { assertEquals } from "../assert.ts";

const well: Signs = {
  state: "running",
  brokerAnswers: true,
  topicsThere: true,
  outside: [],
  deadLettersWaiting: 0,
};

const rows: ReadonlyArray<readonly [Partial<Signs>, live: boolean, ready: boolean, status: string, reasons: string[]]> =
  [
    [{}, true, true, "ok", []],
    [{ brokerAnswers: false }, true, false, "unavailable", ["no broker answers"]],
    [{ state: "starting", topicsThere: false }, true, false, "unavailable", ["topics are still to be created"]],
    [{ outside: ["not in g yet"] }, true, false, "unavailable", ["not in g yet"]],
    [
      { late: 2 },
      true,
      true,
      "degraded",
      ["2 partitions can't begin: their leaders, or the group's coordinator, are away"],
    ],
    [{ state: "draining" }, true, false, "unavailable", ["the system is draining"]],
    [{ state: "failed" }, false, false, "unavailable", ["the system is failed"]],
    [{ state: "stopped" }, false, false, "unavailable", ["the system is stopped"]],
    [{ deadLettersWaiting: 2 }, true, true, "degraded", ["2 dead letters can't be written"]],
  ];

for (const [signs, live, ready, status, reasons] of rows) {
  Deno.test(`healthOf() is ${status} with ${JSON.stringify(signs)}`, () => {
    const health = healthOf({ ...well, ...signs });
    assertEquals([health.live, health.ready, health.status, health.reasons], [live, ready, status, reasons]);
  });
}
