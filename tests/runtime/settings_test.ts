import { ConfigError } from "../../src/errors.ts";
import { optionWarnings } from "../../src/runtime/option_checks.ts";
import { systemSettings, type SystemSettingsInput } from "../../src/runtime/settings.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";

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
    producer: {
      linger: 5,
      batchRecords: 1_000,
      batchBytes: 1_048_000,
      maxInFlight: 5,
      compression: "none",
      deliveryTimeout: 120_000,
      requestTimeout: 30_000,
      memoryBytes: 67_108_864,
      idempotent: true,
      acks: -1,
    },
    fetch: {
      maxWait: 500,
      minBytes: 1,
      maxBytes: 4_194_304,
      partitionMaxBytes: 524_288,
      isolationLevel: "read_committed",
      requestTimeout: 10_000,
    },
    cluster: { metadataMaxAge: 30_000, metadataTimeout: 5_000, reconnectBackoff: 50, reconnectBackoffMax: 1_000 },
    watchdog: { stuckAfter: 120_000, silentAfter: 60_000, stallAfter: 5_000 },
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

Deno.test("systemSettings() lets an answer take no longer than a record has, unless it is told so", () => {
  assertEquals(systemSettings({ producer: { deliveryTimeout: 2_000 } }).producer.requestTimeout, 1_995);
  assertEquals(systemSettings({ producer: { requestTimeout: 200 } }).producer.requestTimeout, 200);
});

Deno.test("systemSettings() asks no more of a partition than of an answer, unless it is told so", () => {
  assertEquals(systemSettings({ fetch: { maxBytes: 1_000 } }).fetch.partitionMaxBytes, 1_000);
});

Deno.test("systemSettings() fits one bound of the pauses between connections to the other, unless it is told so", () => {
  const { cluster: slower } = systemSettings({ cluster: { reconnectBackoff: 2_000 } });
  assertEquals([slower.reconnectBackoff, slower.reconnectBackoffMax], [2_000, 2_000]);
  const { cluster: faster } = systemSettings({ cluster: { reconnectBackoffMax: 20 } });
  assertEquals([faster.reconnectBackoff, faster.reconnectBackoffMax], [20, 20]);
});

Deno.test("optionWarnings() says what is unwise, and nothing of the defaults", () => {
  const warnings = (input: SystemSettingsInput) => optionWarnings(systemSettings(input));
  assertEquals(warnings({}), []);
  const [large] = warnings({ producer: { batchBytes: 2_000_000 } });
  assertStringIncludes(
    large,
    "producer.batchBytes (2000000) is more than topics take by default (max.message.bytes, 1048588)",
  );
  assertStringIncludes(warnings({ producer: { idempotent: false, acks: 1 } })[0], "stores records twice");
  assertStringIncludes(warnings({ fetch: { isolationLevel: "read_uncommitted" } })[0], "undone");
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
  [{ producer: { lingr: 5 } as object }, "producer.lingr: no such option"],
  [{ producer: { linger: "5" as unknown as number } }, "producer.linger: expected a number of milliseconds, 0 or more"],
  [{ producer: { maxInFlight: 6 } }, "producer.maxInFlight: expected a whole number of requests, from 1 to 5"],
  [
    { producer: { deliveryTimeout: 100, linger: 10, requestTimeout: 95 } },
    "producer.deliveryTimeout: expected at least",
  ],
  [{ producer: { acks: 1 } }, "producer.acks: 1 needs producer.idempotent: false"],
  [{ fetch: { maxBytes: 0 } }, "fetch.maxBytes: "],
  [
    { fetch: { maxBytes: 1_000, partitionMaxBytes: 1_001 } },
    "fetch.maxBytes: expected at least fetch.partitionMaxBytes (1001)",
  ],
  [{ fetch: { minBytes: 5 << 20 } }, "fetch.minBytes: expected at most fetch.maxBytes (4194304)"],
  [{ fetch: { rackId: "" } }, "fetch.rackId: "],
  [{ cluster: { metadataMaxAge: 0 } }, "cluster.metadataMaxAge: "],
  [
    { cluster: { reconnectBackoff: 2_000, reconnectBackoffMax: 1_000 } },
    "cluster.reconnectBackoffMax: expected at least cluster.reconnectBackoff (2000 ms)",
  ],
];

for (const [input, field] of wrong) {
  Deno.test(`systemSettings() names the field of ${JSON.stringify(input)}`, () => {
    assertThrows(() => systemSettings(input), ConfigError, field);
  });
}
