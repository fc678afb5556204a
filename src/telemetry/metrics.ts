/**
 * Prometheus text from counters.
 * Source: the text format of https://prometheus.io/docs/instrumenting/exposition_formats.
 * @module
 */

/** The labels of one sample. */
export type Labels = Readonly<Record<string, string | number>>;

/** Writes metric families, each with its samples. */
export class MetricsText {
  readonly #lines: string[] = [];

  /** Adds a family; nothing where it has no samples. */
  family(
    name: string,
    type: "counter" | "gauge",
    help: string,
    samples: Iterable<readonly [value: number, labels?: Labels]>,
  ): this {
    const lines: string[] = [];
    for (const [value, labels] of samples) lines.push(`${name}${labels === undefined ? "" : written(labels)} ${value}`);
    if (lines.length > 0) this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines);
    return this;
  }

  /** The text. */
  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
