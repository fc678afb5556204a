/**
 * The table of faults.
 * @module
 */
import type { Row } from "./fault.ts";

const columns: ReadonlyArray<readonly [title: string, cell: (row: Row) => string | number]> = [
  ["fault", ({ what }) => what],
  ["client", ({ client }) => client],
  ["records", ({ records }) => records.toLocaleString("en")],
  ["lost", ({ lost }) => lost],
  ["given up", ({ failed, open }) => failed + open],
  ["not handled", ({ unhandled }) => unhandled],
  ["twice on the log", ({ duplicated }) => duplicated],
  ["out of order", ({ misplaced }) => misplaced],
  [
    "handled twice",
    ({ handledTwice, beyondCommit }) =>
      beyondCommit ? `${handledTwice} (${beyondCommit} of them committed)` : handledTwice,
  ],
  ["fault lasted", ({ lasted }) => seconds(lasted)],
  ["slowest publish", ({ slowestPublish }) => seconds(slowestPublish)],
  ["longest stall of a partition", ({ longestGap }) => seconds(longestGap)],
];

/** The rows as Markdown. */
export function markdown(rows: ReadonlyArray<Row>): string {
  const line = (cells: ReadonlyArray<string | number>) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(([title]) => title)),
    line(columns.map(() => "---")),
    ...rows.map((row) => line(columns.map(([, cell]) => cell(row)))),
  ].join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
