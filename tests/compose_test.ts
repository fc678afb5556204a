/** compose.yml can only be read here: not every machine that runs the tests has Docker. */
import { parse } from "yaml";
import { kafkaVersion } from "../tools/kafka/distribution.ts";
import { assert, assertEquals, assertMatch } from "./assert.ts";

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly image: string;
  readonly ports: ReadonlyArray<string>;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly volumes: ReadonlyArray<string>;
  readonly healthcheck: { readonly test: ReadonlyArray<string>; readonly [time: string]: unknown };
}

async function read(): Promise<Compose> {
  return parse(await Deno.readTextFile(new URL("../compose.yml", import.meta.url)));
}

async function environment(): Promise<Record<string, string>> {
  const { services } = await read();
  return Object.fromEntries(Object.entries(services.kafka.environment).map(([name, value]) => [name, String(value)]));
}

/** The names and addresses in a list of listeners. */
function listeners(list: string): Map<string, string> {
  return new Map(list.split(",").map((entry) => entry.split("://") as [string, string]));
}

Deno.test("compose.yml runs one Kafka, of the version the tools run", async () => {
  const { name, services } = await read();
  assertEquals([name, Object.keys(services)], ["troupe", ["kafka"]]);
  assertEquals(services.kafka.image, `apache/kafka:${kafkaVersion}`);
  assertEquals(kafkaVersion, "4.3.1");
});

Deno.test("compose.yml makes it a KRaft node that is broker and controller", async () => {
  const settings = await environment();
  assertEquals(settings.KAFKA_PROCESS_ROLES, "broker,controller");
  assertEquals(settings.KAFKA_CONTROLLER_LISTENER_NAMES, "CONTROLLER");
  const own = listeners(settings.KAFKA_LISTENERS);
  const controller = own.get("CONTROLLER")?.split(":").at(-1);
  assertEquals(settings.KAFKA_CONTROLLER_QUORUM_VOTERS, `${settings.KAFKA_NODE_ID}@localhost:${controller}`);
  assertMatch(settings.CLUSTER_ID, /^[\w-]{22}$/);
  assert(!Object.keys(settings).some((name) => name.includes("ZOOKEEPER")));
});

Deno.test("compose.yml: every listener has a protocol, and every one but the controller's an address to be told", async () => {
  const settings = await environment();
  const own = [...listeners(settings.KAFKA_LISTENERS).keys()].sort();
  const protocols = settings.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP.split(",").map((entry) => entry.split(":")[0]).sort();
  assertEquals(protocols, own);
  const told = [...listeners(settings.KAFKA_ADVERTISED_LISTENERS).keys(), settings.KAFKA_CONTROLLER_LISTENER_NAMES];
  assertEquals(told.sort(), own);
  assert(own.includes(settings.KAFKA_INTER_BROKER_LISTENER_NAME));
});

Deno.test("compose.yml is reached at 127.0.0.1:9092, or at another KAFKA_PORT, and tells clients so", async () => {
  const { ports } = (await read()).services.kafka;
  const settings = await environment();
  const inside = listeners(settings.KAFKA_LISTENERS).get("PLAINTEXT")?.split(":").at(-1);
  assertEquals(ports, [`127.0.0.1:\${KAFKA_PORT:-9092}:${inside}`]);
  assertEquals(listeners(settings.KAFKA_ADVERTISED_LISTENERS).get("PLAINTEXT"), "127.0.0.1:${KAFKA_PORT:-9092}");
});

Deno.test("compose.yml: topics have 8 partitions unless PARTITIONS says otherwise, and one replica", async () => {
  const settings = await environment();
  assertEquals(settings.KAFKA_NUM_PARTITIONS, "${PARTITIONS:-8}");
  const replicated = Object.entries(settings).filter(([name]) => /REPLICATION_FACTOR$|MIN_ISR$/.test(name));
  assertEquals(replicated.map(([, value]) => value), replicated.map(() => "1"));
  for (const topic of ["OFFSETS_TOPIC", "TRANSACTION_STATE_LOG", "SHARE_COORDINATOR_STATE_TOPIC"]) {
    assert(`KAFKA_${topic}_REPLICATION_FACTOR` in settings, `${topic}: its default is 3, which one node can't give`);
  }
});

Deno.test("compose.yml keeps the log in a named volume, where the broker writes it", async () => {
  const { services, volumes } = await read();
  const settings = await environment();
  assertEquals(services.kafka.volumes, [`kafka-data:${settings.KAFKA_LOG_DIRS}`]);
  assert("kafka-data" in volumes);
});

Deno.test("compose.yml asks the broker itself whether it is healthy, at its inner listener", async () => {
  const { healthcheck } = (await read()).services.kafka;
  const inner = listeners((await environment()).KAFKA_ADVERTISED_LISTENERS).get("INTERNAL");
  assertEquals(healthcheck.test[0], "CMD");
  assertMatch(healthcheck.test[1], /kafka-broker-api-versions\.sh$/);
  assertEquals(healthcheck.test.slice(2), ["--bootstrap-server", inner]);
  for (const time of ["interval", "timeout", "start_period"]) assertMatch(String(healthcheck[time]), /^\d+s$/);
});
