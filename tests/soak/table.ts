/**
 * A report as a table, and whether it is as it has to be.
 * @module
 */
import type { KillFigures } from "./causes.ts";
import type { SoakReport } from "./soak.ts";

/** What must not be, in words; nothing where all is well. For plain kafkajs it is only counted. */
export function violations(report: SoakReport): ReadonlyArray<string> {
  const { lost, failed, misplaced, tasksTwice, repeats } = report;
  const beyond = repeats.perKill.reduce((sum, figures) => sum + figures.beyond, 0);
  return Object.entries({
    "lost": lost,
    "given up": failed,
    "out of order": misplaced,
    "tasks twice on the log": tasksTwice,
    "handled twice without a cause": repeats.handOver,
    "handled twice although committed": beyond,
    "answers on the log beyond those that were given": repeats.surplus,
  }).filter(([, count]) => count > 0).map(([what, count]) => `${what}: ${count}`);
}

/** The report as Markdown. */
export function markdown(report: SoakReport): string {
  const { moves, repeats } = report;
  const kills = repeats.perKill.filter(({ calm }) => calm);
  const of = (figure: Exclude<keyof KillFigures, "calm">) => spread(kills.map((kill) => kill[figure]));
  const number = (value: number) => value.toLocaleString("en");
  const who = report.client === "ours"
    ? `ours, ${report.groupProtocol}, order by ${report.order}`
    : "plain kafkajs 2.2.4";
  const rows: ReadonlyArray<readonly [string, string | number]> = [
    ["minutes, seed", `${report.minutes.toFixed(1)}, ${report.seed}`],
    ["records", `${number(report.records)} (${number(Math.round(report.records / report.minutes / 60))} a second)`],
    ["SIGKILL, SIGSTOP, SIGTERM", `${moves.kill}, ${moves.freeze}, ${moves.replace + moves.leave}`],
    ["joins, broker killed", `${moves.join + moves.replace + moves.kill}, ${moves.broker}`],
    ["lost, given up", `${report.lost}, ${report.failed}`],
    ["out of order", report.misplaced],
    ["tasks twice on the log", report.tasksTwice],
    ["answers twice on the log", number(report.answersTwice)],
    ["answers beyond those that were given", repeats.surplus],
    ["handled twice at clean hand-overs", number(repeats.handOver)],
    ["handled twice after SIGKILL", number(repeats.kill)],
    ["– most of one", number(Math.max(0, ...repeats.perKill.map(({ again }) => again)))],
    ["– of one while the broker is there: median, most", of("again")],
    ["– – begun, and the commit does not cover it", of("open")],
    ["– – without an answer yet", of("inHand")],
    ["– – below the committed offset", of("beyond")],
    ["– – above it, but in the offset map", of("saved")],
    ["– – repeated all the same", of("forgotten")],
    ["handled twice after SIGSTOP", number(repeats.freeze)],
    ["– with two answers on the log", number(repeats.freezeAnswered)],
    ["handled twice after the broker's death", number(repeats.broker)],
    ["handled twice as a process or the broker stood still", number(repeats.stall)],
    ["the broker stood still, by itself, for", report.slowest === 0 ? "less than 2 s" : `${report.slowest} ms`],
  ];
  return [`| | ${who} |`, "| --- | --- |", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");
}

function spread(values: ReadonlyArray<number>): string {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? "–" : `${sorted[sorted.length >> 1]}, ${sorted[sorted.length - 1]}`;
}
