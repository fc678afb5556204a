/**
 * Draws what `deno task bench --json FILE` has written: `deno run -A bench/graph.ts FILE > bench.svg`. Processor time of a
 * record is what is drawn, as it says more than records a second on a machine that has other work; both stand beside.
 * @module
 */
import { median, rate, type Report, type Run } from "./runner/result.ts";
import { grouped } from "./runner/table.ts";

const width = 760;
const left = 250;
const right = 170;
const bar = 20;
const gap = 6;

/** Colours of both kinds of page: text and lines take the page's, bars are readable on either. */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .ours { fill: #0a7d5c }
  .other { fill: #8c959f }
  .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .ours { fill: #2fbf8f }
    .other { fill: #6e7681 }
    .page { fill: #0d1117 }
  }`;

/** A report as an SVG. */
export function graph(report: Report): string {
  let at = 34;
  const parts: string[] = [];
  for (const [name, clients] of grouped(report.runs)) {
    const latency = [...clients.values()].flat().some(({ p50_ms }) => p50_ms !== undefined);
    const value = latency ? ({ p50_ms = 0 }: Run) => p50_ms : ({ cpu_us, n }: Run) => cpu_us / n;
    const what = latency ? "ms from publish to receipt, median" : "µs of processor time a record";
    parts.push(text(16, at, `${name}: ${what}, less is better`, "title"));
    at += 12;
    const rows = [...clients].map(([client, runs]) => ({ client, runs, shown: median(runs.map(value)) }));
    const most = Math.max(...rows.map(({ shown }) => shown));
    for (const { client, runs, shown } of rows) {
      const length = Math.max(2, shown / most * (width - left - right));
      const kind = client.startsWith("troupe") ? "ours" : "other";
      parts.push(text(left - 10, at + 15, client, "", "end"));
      parts.push(`<rect class="${kind}" x="${left}" y="${at}" width="${length.toFixed(1)}" height="${bar}" rx="2"/>`);
      const beside = latency ? "" : `, ${thousands(median(runs.map(rate)))}/s`;
      parts.push(text(left + length + 8, at + 15, `${figure(shown)}${beside}`));
      at += bar + gap;
    }
    at += 28;
  }
  const { machine, at: when } = report;
  const runs = Math.max(...report.runs.map(({ round }) => round)) + 1;
  parts.push(text(
    16,
    at - 8,
    `${when.slice(0, 10)}, ${machine.cpus} cores (${machine.model}), ${machine.os}, Deno ` +
      `${machine.deno}; medians of ${runs}; load ${machine.load.toFixed(1)} at the start`,
    "small",
  ));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${at + 8}" width="${width}" height="${at + 8}">`,
    `<style>${style}</style>`,
    `<rect class="page" width="100%" height="100%"/>`,
    ...parts,
    `</svg>\n`,
  ].join("\n");
}

function text(x: number, y: number, words: string, kind = "", anchor = "start"): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped}</text>`;
}

function thousands(value: number): string {
  return value >= 10_000
    ? `${Math.round(value / 1_000).toLocaleString("en")}k`
    : Math.round(value).toLocaleString("en");
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(value < 10 ? 2 : 1);
}

if (import.meta.main) {
  const [file] = Deno.args;
  if (file === undefined) {
    console.error("which file? deno run -A bench/graph.ts bench.json > bench.svg");
    Deno.exit(78);
  }
  await Deno.stdout.write(new TextEncoder().encode(graph(JSON.parse(await Deno.readTextFile(file)))));
}
