/**
 * Results as tables in Markdown.
 * @module
 */
import { median, rate, type Report, type Run } from "./result.ts";

/** The runs of each measurement, and in it of each client, in the order they came. */
export function grouped(runs: ReadonlyArray<Run>): Map<string, Map<string, Run[]>> {
  const groups = new Map<string, Map<string, Run[]>>();
  for (const run of runs) {
    const clients = groups.get(run.measurement) ?? new Map<string, Run[]>();
    groups.set(run.measurement, clients.set(run.client, [...clients.get(run.client) ?? [], run]));
  }
  return groups;
}

/** All tables. */
export function tables({ runs }: Report): string {
  const groups = grouped(runs);
  const reading = groups.get("consume bytes");
  const parts = [...groups].map(([name, clients]) => table(name, clients));
  if (reading !== undefined) parts.push(startUp(reading));
  return parts.join("\n\n");
}

/** Loading the code, connecting, joining the group: from the start of the process to the first record handled. */
function startUp(clients: ReadonlyMap<string, ReadonlyArray<Run>>): string {
  const rows = [...clients].map(([client, runs]) => [client, spread(runs.map(({ first_ms }) => first_ms))]);
  return lines([["start to first record", "ms"], ["---", "---"], ...rows]);
}

function lines(rows: ReadonlyArray<ReadonlyArray<string>>): string {
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function table(name: string, clients: ReadonlyMap<string, ReadonlyArray<Run>>): string {
  const paced = [...clients.values()].flat().some(({ p50_ms }) => p50_ms !== undefined);
  const speed = paced ? ["p50 ms", "p99 ms"] : ["records/s"];
  const heads = [name, ...speed, "CPU µs a record", "MB above idle", "loop delay p99, ms"];
  const rows = [...clients].map(([client, runs]) => [
    client,
    ...(paced
      ? [spread(runs.map(({ p50_ms = NaN }) => p50_ms)), spread(runs.map(({ p99_ms = NaN }) => p99_ms))]
      : [spread(runs.map(rate)) + besideBare(runs)]),
    spread(runs.map(({ cpu_us, n }) => cpu_us / n)),
    figure(median(runs.map(({ rss_kb, idle_kb }) => (rss_kb - idle_kb) / 1_024))),
    figure(median(runs.map(({ delay_p99_ms }) => delay_p99_ms))),
  ]);
  return lines([heads, heads.map(() => "---"), ...rows]);
}

function besideBare(runs: ReadonlyArray<Run>): string {
  const disordered = runs.some(({ order_ok }) => order_ok === false) ? ", OUT OF ORDER" : "";
  const shares = runs.flatMap(({ of_bare }) => of_bare ?? []);
  return (shares.length === 0 ? "" : `, ${Math.round(median(shares) * 100)} % of bare loops`) + disordered;
}

/** The median, and from where to where they went. */
function spread(values: ReadonlyArray<number>): string {
  if (values.length === 1) return figure(values[0]);
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

function figure(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(value < 10 ? 2 : 1);
}
