import { ConfigError } from "../../src/errors.ts";
import { systemSettings, type SystemSettingsInput } from "../../src/runtime/settings.ts";
import { assertEquals, assertThrows } from "../assert.ts";

Deno.test("systemSettings() fills in the documented defaults", () => {
  assertEquals(systemSettings({}), {
    partitions: 8,
    replicationFactor: -1,
    drainTimeout: 20_000,
    groupProtocol: "classic",
    sessionTimeout: 10_000,
    rebalanceTimeout: 60_000,
    heartbeatInterval: 300,
    commitInterval: 1_000,
    instanceId: null,
    assignors: ["cooperative-sticky"],
    producer: {},
    fetch: {},
  });
});

Deno.test("systemSettings() keeps the heartbeats and the rebalance in step with the other times", () => {
  const { heartbeatInterval, rebalanceTimeout } = systemSettings({ sessionTimeout: 300, drainTimeout: 90_000 });
  assertEquals([heartbeatInterval, rebalanceTimeout], [100, 100_000]);
});

Deno.test('systemSettings() leaves the pace of heartbeats to the brokers with the group protocol "consumer"', () => {
  const { heartbeatInterval } = systemSettings({ sessionTimeout: 9_000, groupProtocol: "consumer" });
  assertEquals(heartbeatInterval, 3_000);
  const faster = systemSettings({ groupProtocol: "consumer", heartbeatInterval: 100 });
  assertEquals(faster.heartbeatInterval, 100);
});

const wrong: ReadonlyArray<readonly [SystemSettingsInput, field: string]> = [
  [{ partitions: 0 }, "partitions: "],
  [{ partitions: 1.5 }, "partitions: "],
  [{ replicationFactor: 0 }, "replicationFactor: "],
  [{ drainTimeout: -1 }, "drainTimeout: "],
  [{ sessionTimeout: Number.NaN }, "sessionTimeout: "],
  [{ heartbeatInterval: 5_000 }, "heartbeatInterval: expected at most a third"],
  [{ rebalanceTimeout: 10_000 }, "rebalanceTimeout: expected more than drainTimeout"],
  [{ groupProtocol: "share" as "classic" }, "groupProtocol: "],
  [{ assignors: [] }, "assignors: "],
  [{ assignors: ["sticky" as "range"] }, "assignors.0: "],
  [{ assignors: ["range"], groupProtocol: "consumer" }, "assignors: "],
  [{ instanceId: "" }, "instanceId: "],
  [{ producer: { linger: -1 } }, "producer.linger: "],
  [{ producer: { compression: "rar" as "gzip" } }, "producer.compression: "],
  [{ producer: { lingr: 5 } as object }, "producer: "],
  [{ fetch: { maxBytes: 0 } }, "fetch.maxBytes: "],
];

for (const [input, field] of wrong) {
  Deno.test(`systemSettings() names the field of ${JSON.stringify(input)}`, () => {
    assertThrows(() => systemSettings(input), ConfigError, field);
  });
}
