import { assertEquals } from "./assert.ts";

const examples = new URL("../examples/", import.meta.url);

/** What each program prints, in any order of its lines. */
const expected: Record<string, ReadonlyArray<string>> = {
  "01_hello.ts": ["hello, world"],
  "02_publish_only.ts": ["measurements/0@0"],
  "03_retry_and_dead_letter.ts": ["booked p-1 at attempt 3", "dead letter p-2: rejected"],
  "04_effect_services.ts": ["Oslo is in Norway", "nobody knows Atlantis"],
  "05_batch.ts": ["1000 views, never more than 200 at once: true"],
  "06_http_front.ts": ["ada@example.org: 202", "nobody: 400", "welcome, ada@example.org"],
  "07_resources.ts": [
    "partition 0: opened",
    "partition 1: opened",
    "Ada: 1 points",
    "Grace: 1 points",
    "Ada: 3 points",
    "Grace: 3 points",
    "partition 0: closed",
    "partition 1: closed",
  ],
  "08_test_an_actor.ts": ["shipped o-1", "dead letter: nothing to ship", "shipped o-3"],
  "09_admin.ts": [
    "2 partitions, kept for 604800000 ms",
    "Stable: 1 member of archive holds 2 partitions",
    "not now: NON_EMPTY_GROUP",
    "behind by 0",
    "invoices/0 would go back to 0",
    "invoices/1 would go back to 0",
    "behind by 10",
  ],
  "10_redrive.ts": [
    "orders: retries-exhausted after 2 attempts: the warehouse is away",
    "would send 3 of 3",
    "sent 3",
    "shipped Ada's order 1",
    "shipped Ada's order 2",
    "shipped Ada's order 3",
    "sent 0",
  ],
  "11_simulate_an_actor.ts": ["hasty: found, and small", "careful: 20 schedules went well"],
  "12_quarantine.ts": [
    "retries-exhausted @1, quarantined @2",
    "Ada 1",
    "Bob 1, Bob 2, Bob 3",
    "3 went back, all are free",
    "Ada 1, Ada 2, Ada 3, Ada 4",
  ],
};

for (const [name, lines] of Object.entries(expected)) {
  Deno.test(`examples/${name} prints what it promises and ends by itself`, async () => {
    const args = ["run", "--allow-all", new URL(name, examples).href];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    assertEquals(text.decode(stdout).trimEnd().split("\n").sort(), lines.toSorted());
  });
}

Deno.test("every numbered example has a test", async () => {
  const names = [];
  for await (const { name } of Deno.readDir(examples)) if (/^\d\d_/.test(name)) names.push(name);
  assertEquals(names.sort(), Object.keys(expected));
});
