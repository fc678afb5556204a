/** docs/options.md has every option, with the default it has. */
import { z } from "zod";
import { linkSchema, linkSettings } from "../src/link/kafkajs/options.ts";
import { settingsSchema, systemSettings } from "../src/runtime/settings.ts";
import { assert, assertEquals } from "./assert.ts";

const docs = Deno.readTextFileSync(new URL("../docs/options.md", import.meta.url));

/** The rows of the tables that begin with an option's name: option, default, why, Java's name. */
const rows = docs.split("\n").filter((line) => line.startsWith("|"))
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
  .filter(([first]) => /^`[\w.]+`$/.test(first) && !/^`[a-z]+\.[a-z]+\.[a-z.]+`$/.test(first))
  .filter((cells) => cells.length === 4);

interface Described {
  readonly properties?: Readonly<Record<string, Described>>;
}

/** The names of a schema's options, as `fetch.maxWait`. */
function namesOf(schema: z.ZodType): ReadonlyArray<string> {
  const names = ({ properties = {} }: Described, prefix: string): ReadonlyArray<string> =>
    Object.entries(properties).flatMap(([name, inner]) =>
      inner.properties === undefined ? [prefix + name] : names(inner, `${prefix}${name}.`)
    );
  return names(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Described, "");
}

/** What an option is where nobody has set it, as the table writes it. */
function written(settings: object, name: string): string {
  const value = name.split(".").reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], settings);
  if (value === undefined || value === null) return "none";
  return `\`${typeof value === "number" ? value.toLocaleString("en") : JSON.stringify(value)}\``;
}

const { tls, ...link } = linkSettings({ brokers: "a:1" });
const kinds = [
  { schema: linkSchema, settings: { ...link, ssl: tls } },
  { schema: settingsSchema, settings: systemSettings({}) },
];
const options = kinds.flatMap(({ schema, settings }) =>
  namesOf(schema).map((name) => [name, name === "brokers" ? "has to be given" : written(settings, name)] as const)
);

Deno.test("docs/options.md has a row for each option, with its default, and no other", () => {
  const table = rows.map(([name, value]) => `${name.slice(1, -1)} ${value}`);
  assertEquals(table.toSorted(), options.map(([name, value]) => `${name} ${value}`).sort());
});

Deno.test("docs/options.md says of each option why, and what Java's client calls it", () => {
  assert(options.length > 30);
  for (const [name, , why, java] of rows) assert(why.length > 10 && java.length > 3, name);
});
