import { Schedule } from "effect";
import { z } from "zod";
import { actor } from "../src/actor.ts";
import { ConfigError } from "../src/errors.ts";
import { event } from "../src/event.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

const schema = z.object({ id: z.string() });
const Created = event({ name: "Created", topic: "orders", schema, key: (order) => order.id });
const Cancelled = event({ name: "Cancelled", topic: "orders", schema, key: (order) => order.id });
const Keyless = event({ name: "Keyless", topic: "other", schema });
const receive = () => {};

// Wrong definitions are wrong for the type checker, too.
const define = actor as unknown as (options: Record<string, unknown>) => unknown;
const refused = (options: Record<string, unknown>, says: string) =>
  assertThrows(() => define({ name: "a", receives: [Created], receive, ...options }), ConfigError, says);

Deno.test("actor() fills in the defaults that its options document", () => {
  const definition = actor({ name: "a", receives: [Created], receive });
  assertEquals([definition.kind, definition.name, definition.group], ["actor", "a", "a"]);
  const { deadLetterTopic, ...settings } = definition.settings;
  assertEquals(settings, {
    order: "key",
    concurrency: 64,
    mailboxCapacity: 5_000,
    mailboxBytes: 8_388_608,
    receiveTimeout: 300_000,
    onFailure: "dead-letter",
    startFrom: "earliest",
    outOfRange: "fail",
    quarantine: false,
    batchSize: 500,
  });
  assertEquals(deadLetterTopic("orders"), "orders.dlt");
  assertEquals(definition.restart, { max: 5, within: 60_000, initial: 100, killedAfter: 3 });
});

Deno.test("actor() takes what it is given, and an option given as undefined for one left out", () => {
  const retry = Schedule.recurs(2);
  const definition = actor({
    name: "a",
    group: "g",
    receives: [Created],
    retry,
    concurrency: 3,
    mailboxCapacity: undefined,
    deadLetterTopic: (topic) => `dead-${topic}`,
    receive,
  });
  assertEquals([definition.group, definition.settings.concurrency, definition.settings.mailboxCapacity], [
    "g",
    3,
    5_000,
  ]);
  assert(definition.retry === retry);
  assertEquals(definition.settings.deadLetterTopic("orders"), "dead-orders");
});

Deno.test("actor() keeps order by partition where an event has no key", () => {
  const map = { Created: receive, Keyless: receive };
  assertEquals(actor({ name: "a", receives: [Created, Keyless], receive: map }).settings.order, "partition");
  assertEquals(actor({ name: "a", receives: [Keyless], order: "none", receive }).settings.order, "none");
});

Deno.test("actor() has a function per event, or one for its only event", () => {
  const map = { Created: receive, Cancelled: () => {} };
  const many = actor({ name: "a", receives: [Created, Cancelled], receive: map });
  assert(many.receive?.get("Created") === map.Created && many.receive?.get("Cancelled") === map.Cancelled);
  assert(actor({ name: "a", receives: [Created], receive }).receive?.get("Created") === receive);
  assertEquals(actor({ name: "a", receives: [Created], receiveBatch: () => {} }).receive, undefined);
});

Deno.test("actor() refuses a definition that can't work, naming the actor and the field", () => {
  refused({ name: "" }, "actor (without a name).name");
  refused({ name: undefined }, "actor (without a name).name");
  refused({ receives: [] }, "actor a.receives: expected a list of at least one event");
  refused({ receives: undefined }, "actor a.receives");
  refused({ receives: [Created, undefined] }, "actor a.receives.1: expected an event, got undefined");
  refused({ publishes: ["Created"] }, "actor a.publishes.0: expected an event");
  refused({ receives: [Created, { ...Cancelled, name: "Created" }] }, "actor a.receives: Created is there twice");
  refused({ receives: [Created, Created] }, "Created is there twice");
  refused(
    { receives: [Keyless], order: "key" },
    "actor a.order: order by key was asked for, but Keyless declares no key",
  );
  refused({ receive: undefined }, "actor a.receive: expected either receive or receiveBatch");
  refused({ receiveBatch: receive }, "actor a.receive: expected either receive or receiveBatch");
  refused({ receive: undefined, receiveBatch: {} }, "actor a.receiveBatch: expected a function");
  refused({ resources: {} }, "actor a.resources: expected a function");
  refused({ group: "" }, "actor a.group");
  refused({ receives: [Created, Cancelled] }, "expected a function for each of Created, Cancelled");
  refused({ receives: [Created, Cancelled], receive: { Created: receive } }, "actor a.receive.Cancelled: expected a");
  refused({ receive: { Created: receive, Other: receive } }, "actor a.receive.Other: this actor receives Created only");
  refused({ receive: null }, "actor a.receive: expected functions");
  refused({ receive: { Created: 5 } }, "actor a.receive.Created");
  refused({ concurrency: 0 }, "actor a.concurrency");
  refused({ mailboxCapacity: 1.5 }, "actor a.mailboxCapacity");
  refused({ receiveTimeout: Infinity }, "actor a.receiveTimeout");
  refused({ onFailure: "ignore" }, "actor a.onFailure");
  refused({ batchSize: "many" }, "actor a.batchSize");
  refused({ concurency: 5 }, "concurency");
  refused({ retry: { times: -1 } }, "actor a.retry.times");
  refused({ retry: { time: 1 } }, "actor a.retry");
  refused({ restart: { killedAfter: 0 } }, "actor a.restart.killedAfter");
  refused({ deadLetterTopic: "dead" }, "actor a.deadLetterTopic");
  refused(
    { deadLetterTopic: (topic: string) => topic },
    "actor a.deadLetterTopic: expected a function to a topic other",
  );
  refused({ deadLetterTopic: () => "no topic" }, 'got "no topic" for orders');
});
