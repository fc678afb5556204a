import { assertEquals, assertMatch } from "./assert.ts";

// What stands in the call of ActorSystem.run, and what the one line on standard error begins with.
const wrong: ReadonlyArray<readonly [options: string, line: RegExp]> = [
  [`broker: kafka({ brokers: "http://localhost" })`, /^brokers: "http:\/\/localhost" is not host:port$/],
  [`broker: kafka({ brokers: "a:1", clientID: "x" })`, /^clientID: no such option; look at its spelling$/],
  [`broker: kafkaFromEnvironment({}, {})`, /^KAFKA_BROKERS: expected host:port of a Kafka, got nothing$/],
  [`broker: embedded(), fech: {}`, /^fech: no such option; there are actors, /],
  [
    `broker: embedded(), fetch: { maxBytes: 1000, partitionMaxBytes: 2000 }`,
    /^fetch\.maxBytes: expected at least fetch\.partitionMaxBytes \(2000\)/,
  ],
  [
    `broker: embedded(), cluster: { reconnectBackoff: 5000, reconnectBackoffMax: 100 }`,
    /^cluster\.reconnectBackoffMax: expected at least /,
  ],
  [`broker: embedded(), logLevel: "verbose"`, /^logLevel: expected one of /],
];

/** Runs a program as a user would have it; its options aren't looked at by a compiler. */
async function run(options: string) {
  const entry = new URL("../mod.ts", import.meta.url).href;
  const program = `import { ActorSystem, embedded, kafka, kafkaFromEnvironment } from ${JSON.stringify(entry)};
    await ActorSystem.run({ actors: [], ${options} });`;
  const url = `data:application/javascript,${encodeURIComponent(program)}`;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const args = ["run", "--quiet", "--allow-all", "--config", config, url];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    signal: AbortSignal.timeout(60_000),
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("run() says what is wrong with an option in one line, and exits with 78", async () => {
  await Promise.all(wrong.map(async ([options, line]) => {
    const { code, stdout, stderr } = await run(options);
    assertEquals([code, stdout], [78, ""], `${options}: ${stderr}`);
    assertMatch(stderr.trimEnd(), line);
  }));
});
