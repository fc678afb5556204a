import fc from "fast-check";
import type { FetchedChunk } from "../../src/client/port.ts";
import { Mailbox } from "../../src/runtime/mailbox.ts";
import { assert, assertEquals } from "../assert.ts";

function chunk(count: number, bytes: number): FetchedChunk {
  return {
    topic: "t",
    partition: 0,
    bytes: new Uint8Array(bytes),
    from: 0,
    next: count,
    count,
    highWatermark: count,
    aborted: [],
  };
}

function watched(records: number, bytes: number): { mailbox: Mailbox; flow: string[] } {
  const flow: string[] = [];
  const mailbox = new Mailbox({ records, bytes }, {
    pause: () => flow.push("pause"),
    resume: () => flow.push("resume"),
  });
  return { mailbox, flow };
}

Deno.test("push() pauses once at the limit of records, release() resumes once at half of it", () => {
  const { mailbox, flow } = watched(10, 1_000);
  mailbox.push(chunk(9, 1));
  assertEquals(flow, []);
  mailbox.push(chunk(1, 1));
  mailbox.push(chunk(5, 1));
  assertEquals(flow, ["pause"]);
  mailbox.release(9, 0);
  assertEquals(flow, ["pause"]);
  assertEquals(mailbox.records, 6);
  mailbox.release(1, 0);
  mailbox.release(1, 0);
  assertEquals(flow, ["pause", "resume"]);
});

Deno.test("push() pauses at the limit of bytes, and both have to be low to resume", () => {
  const { mailbox, flow } = watched(10, 1_000);
  mailbox.push(chunk(10, 1_000));
  mailbox.release(8, 0);
  assertEquals(flow, ["pause"]);
  mailbox.release(0, 499);
  assertEquals(flow, ["pause"]);
  mailbox.release(0, 1);
  assertEquals(flow, ["pause", "resume"]);
});

Deno.test("hold() pauses: records that are open again count", () => {
  const { mailbox, flow } = watched(10, 1_000);
  mailbox.push(chunk(9, 1));
  mailbox.release(1, 0);
  mailbox.hold(2, 0);
  assertEquals([mailbox.records, mailbox.paused], [10, true]);
  assertEquals(flow, ["pause"]);
});

Deno.test("shift() takes a chunk out and leaves it counted; clear() drops and uncounts the rest", () => {
  const { mailbox, flow } = watched(10, 1_000);
  const first = chunk(4, 40);
  mailbox.push(first);
  mailbox.push(chunk(7, 70));
  assertEquals(mailbox.peek(), first);
  mailbox.shift();
  assertEquals([mailbox.records, mailbox.bytes, mailbox.empty], [11, 110, false]);
  mailbox.clear();
  assertEquals([mailbox.records, mailbox.bytes, mailbox.empty], [4, 40, true]);
  assertEquals(flow, ["pause", "resume"]);
  assertEquals(mailbox.peek(), undefined);
});

Deno.test("property: what is held is what was pushed and not released; paused between the limit and half of it", () => {
  const size = fc.record({ count: fc.nat(30), bytes: fc.nat(300) });
  fc.assert(fc.property(fc.array(fc.oneof(size, fc.constant("take"), fc.constant("clear"))), (steps) => {
    const { mailbox, flow } = watched(100, 1_000);
    const waiting: FetchedChunk[] = [];
    const taken: FetchedChunk[] = [];
    for (const step of steps) {
      if (step === "take") {
        const next = mailbox.peek();
        assertEquals(next, waiting[0]);
        if (next === undefined) {
          const old = taken.shift();
          if (old !== undefined) mailbox.release(old.count, old.bytes.length);
        } else {
          mailbox.shift();
          taken.push(next);
          waiting.shift();
        }
      } else if (step === "clear") {
        mailbox.clear();
        waiting.length = 0;
      } else if (typeof step === "object") {
        const pushed = chunk(step.count, step.bytes);
        mailbox.push(pushed);
        waiting.push(pushed);
      }
      const held = [...waiting, ...taken];
      assertEquals(mailbox.records, held.reduce((sum, { count }) => sum + count, 0));
      assertEquals(mailbox.bytes, held.reduce((sum, { bytes }) => sum + bytes.length, 0));
      if (mailbox.records >= 100 || mailbox.bytes >= 1_000) assert(mailbox.paused);
      if (mailbox.records <= 50 && mailbox.bytes <= 500) assert(!mailbox.paused);
      assertEquals(mailbox.paused, flow.length % 2 === 1);
      flow.forEach((call, i) => assertEquals(call, i % 2 === 0 ? "pause" : "resume"));
    }
  }));
});
