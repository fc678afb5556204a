/**
 * What steps of a record cost in relation to the checksum of its bytes, in the same process: a guard against the loss of
 * a magnitude, as by a closure, a copy or a decoded text for each record. The limits are two to four times what was measured, and
 * the fastest of many short rounds counts, so that a busy machine changes nothing.
 */
import { checksum, nanosEach, reading, writing } from "../../bench/steps.ts";
import { orderPool } from "../../bench/workload/order.ts";
import { assert } from "../assert.ts";

/** Times the checksum's. */
const limits: Readonly<Record<string, number>> = {
  "batch headers, for the next position": 0.2,
  "decoding without the CRC": 1.8,
  "a view of the value": 2,
  "the key, for its lane": 3,
  "the header with the type": 1.5,
  "message of bytes, with a type": 3.5,
  "message of bytes to record": 2,
  "murmur2 of the key": 0.8,
  "into the batch, measured before, with its type": 7,
};

Deno.test("steps of a record cost no more than some times its checksum", () => {
  const pool = orderPool(870);
  const steps = new Map([...reading(pool), ...writing(pool)]);
  for (const [name, limit] of Object.entries(limits)) {
    const step = steps.get(name);
    assert(step !== undefined, `there is no step ${name}`);
    let times = Infinity;
    // Code that is not compiled yet may look slow; what has lost a magnitude stays so.
    for (let attempt = 0; attempt < 5 && times >= limit; attempt++) {
      const unit = nanosEach(pool.length, steps.get(checksum) ?? (() => {}));
      times = Math.min(times, nanosEach(pool.length, step) / unit);
    }
    assert(
      times < limit,
      `${name}: ${times.toFixed(2)} times the checksum, at most ${limit}; see deno run -A bench/steps.ts`,
    );
  }
});
