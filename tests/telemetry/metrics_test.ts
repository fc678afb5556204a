import { MetricsText } from "../../src/telemetry/metrics.ts";
import { assertEquals } from "../assert.ts";

Deno.test("MetricsText writes families with their samples, and none without", () => {
  const text = new MetricsText()
    .family("up", "gauge", "1 while up.", [[1]])
    .family("empty", "gauge", "Nothing.", [])
    .family("seen_total", "counter", "Seen.", [[2, { a: "x" }], [3, { a: 'q"\\\n', b: 4 }]]);
  assertEquals(
    `${text}`,
    [
      "# HELP up 1 while up.",
      "# TYPE up gauge",
      "up 1",
      "# HELP seen_total Seen.",
      "# TYPE seen_total counter",
      'seen_total{a="x"} 2',
      'seen_total{a="q\\"\\\\\\n",b="4"} 3',
      "",
    ].join("\n"),
  );
});
