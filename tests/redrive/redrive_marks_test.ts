import fc from "fast-check";
import { RedriveMarks } from "../../src/redrive/redrive_marks.ts";
import { decodeOffsetMap } from "../../src/runtime/offset_map.ts";
import { assert, assertEquals } from "../assert.ts";

/** What a run does with the letters of a log; `null` is an offset without one. */
const log = fc.array(fc.constantFrom<boolean | null>(true, true, false, false, null), { minLength: 1, maxLength: 120 });
const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 125 }), log), { minLength: 1, maxLength: 5 });

Deno.test("RedriveMarks remember from run to run exactly which letters were redriven", () => {
  fc.assert(fc.property(log, runs, (letters, runs) => {
    const done = new Set<number>();
    let kept = { offset: 0, metadata: "" };
    for (const [stop, wishes] of runs) {
      const { resolved } = decodeOffsetMap(kept.offset, kept.metadata);
      const marks = new RedriveMarks(kept.offset, resolved);
      const end = Math.min(stop, letters.length);
      for (let offset = kept.offset; offset < end; offset++) {
        if (letters[offset] === null) continue;
        assertEquals(marks.redriven(offset), done.has(offset));
        const wanted = wishes[offset % wishes.length] === true;
        if (wanted || done.has(offset)) {
          done.add(offset);
          marks.done(offset);
        } else marks.leave(offset);
      }
      marks.passed(Math.max(end, kept.offset));
      kept = marks.commit();
      assert(kept.offset <= Math.max(letters.length, 0));
    }
    for (let offset = 0; offset < kept.offset; offset++) assert(letters[offset] === null || done.has(offset));
  }));
});

Deno.test("RedriveMarks say when they can remember no more, before a commit would forget", () => {
  const marks = new RedriveMarks(0);
  let offset = 0;
  for (; marks.room; offset += 2_000_000) {
    marks.leave(offset);
    if (!marks.room) break;
    marks.done(offset + 1_000_000);
  }
  // As many as a batch may add before anybody looks.
  for (let i = 0; i < 100; i++, offset += 2_000_000) {
    marks.leave(offset);
    marks.done(offset + 1_000_000);
  }
  const { offset: position, metadata } = marks.commit({ topic: "0123456789abcdef", partitions: 10_000 });
  assert(metadata.length <= 4_096);
  const { resolved } = decodeOffsetMap(position, metadata);
  assertEquals(resolved.at(-1)?.to, offset - 1_000_000 + 1);
});
