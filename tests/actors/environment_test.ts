import { ConfigError } from "@troupe/troupe";
import { readEnvironment, requireKafka } from "../../actors/environment.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";

Deno.test("readEnvironment gives the documented defaults when nothing is set", () => {
  assertEquals<unknown>(readEnvironment({}), {
    HOST: "127.0.0.1",
    DATA_DIR: ".data",
    SESSION_TIMEOUT: 10_000,
    STOCK: new Map([["default", 1_000_000]]),
    LOG_LEVEL: "info",
    DRAIN_TIMEOUT: 20_000,
    PARTITIONS: 8,
    DELIVERY: "at-least-once",
  });
  const empty = readEnvironment({ PORT: "", STOCK: "" });
  assertEquals([empty.PORT, empty.STOCK], [undefined, new Map([["default", 1_000_000]])]);
});

Deno.test("readEnvironment reads what is set", () => {
  const read = readEnvironment({
    KAFKA_BROKERS: "127.0.0.1:9092, kafka-2.example:19092,[::1]:9092",
    PORT: "0",
    HOST: "0.0.0.0",
    DATA_DIR: "/var/lib/shop",
    SESSION_TIMEOUT: "500ms",
    STOCK: '{"default": 0, "book": 12, "__proto__": 3}',
    LOG_LEVEL: "DEBUG",
    DRAIN_TIMEOUT: "1.5m",
    PARTITIONS: "3",
    DELIVERY: "at-least-once",
  });
  assertEquals(read, {
    KAFKA_BROKERS: ["127.0.0.1:9092", "kafka-2.example:19092", "[::1]:9092"],
    PORT: 0,
    HOST: "0.0.0.0",
    DATA_DIR: "/var/lib/shop",
    SESSION_TIMEOUT: 500,
    STOCK: new Map([["default", 0], ["book", 12], ["__proto__", 3]]),
    LOG_LEVEL: "debug",
    DRAIN_TIMEOUT: 90_000,
    PARTITIONS: 3,
    DELIVERY: "at-least-once",
  });
});

const wrong: Record<string, ReadonlyArray<string>> = {
  KAFKA_BROKERS: [
    "localhost",
    "localhost:0",
    "localhost:65536",
    "a:1,,b:1",
    "http://a:1",
    ":9092",
    "a b:1",
    "::1:9092",
  ],
  PORT: ["abc", "-1", "65536", "80.5", "1e3", " 80"],
  HOST: ["a b", "http://x"],
  SESSION_TIMEOUT: ["10", "10 s", "ten", "-1s", "0s", "31m", "10h"],
  STOCK: ["{", "[]", "5", "null", '{"a": -1}', '{"a": 1.5}', '{"a": "1"}', "{\n]"],
  LOG_LEVEL: ["loud"],
  DRAIN_TIMEOUT: ["20", "61m", "NaNs"],
  PARTITIONS: ["0", "-1", "10001", "eight"],
  DELIVERY: ["exactly-once", "at-most-once"],
};

for (const [name, values] of Object.entries(wrong)) {
  Deno.test(`readEnvironment names ${name} in one line when it is wrong`, () => {
    for (const value of values) {
      const error = failure(() => readEnvironment({ [name]: value }));
      assertEquals(error.field, name, value);
      assertEquals(error.message.startsWith(`${name}: `), true, error.message);
      assertEquals(error.message.includes("\n"), false, error.message);
    }
  });
}

Deno.test("readEnvironment says that exactly-once is not available yet", () => {
  const error = failure(() => readEnvironment({ DELIVERY: "exactly-once" }));
  assertEquals(error.message, "DELIVERY: exactly-once is not available yet");
});

Deno.test("readEnvironment says what was expected and what it got", () => {
  const error = failure(() => readEnvironment({ PORT: "abc" }));
  assertEquals(error.message, 'PORT: expected a port from 0 (any free one) to 65535, got "abc"');
});

Deno.test("requireKafka fails when no Kafka is named, and takes its login from the environment too", () => {
  assertThrows(() => requireKafka(readEnvironment({})), ConfigError, "KAFKA_BROKERS: expected");
  const variables = { KAFKA_BROKERS: "a:1" };
  assertEquals(requireKafka(readEnvironment(variables), variables).name, "a:1");
  const login = { ...variables, KAFKA_SASL_MECHANISM: "PLAIN" };
  const message = requireKafka(readEnvironment(login), login).wrong?.message ?? "";
  assertStringIncludes(message, "KAFKA_SASL_USERNAME: expected");
});

function failure(read: () => unknown): ConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error("expected a ConfigError");
}
