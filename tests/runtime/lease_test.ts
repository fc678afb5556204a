import { Clock, Effect } from "effect";
import { TestClock } from "effect/testing";
import type { Membership } from "../../src/client/port.ts";
import { LeaseLost } from "../../src/errors.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { PartitionLease } from "../../src/runtime/lease.ts";
import { assert, assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";

function membershipUntil(deadline: number): Membership {
  return { groupId: "g", memberId: "m", groupInstanceId: null, generation: 5, deadline };
}

Deno.test("a lease is valid up to the membership's deadline, expired from then on, and valid again with a new one", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const membership = membershipUntil(monotonicMs(clock) + 100);
    const lease = new PartitionLease("t", 1, membership, clock);
    const state = () => lease.state(monotonicMs(clock));
    assertEquals([state(), lease.held()], ["valid", true]);
    yield* TestClock.adjust(99);
    assertEquals([state(), lease.held()], ["valid", true]);
    yield* TestClock.adjust(1);
    assertEquals([state(), lease.held()], ["expired", false]);
    membership.deadline += 100;
    assertEquals([state(), lease.held(), lease.fenced], ["valid", true, false]);
  })));

Deno.test("fence() ends a lease for good, whatever the membership says", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const membership = membershipUntil(Infinity);
    const lease = new PartitionLease("t", 1, membership, clock);
    lease.fence();
    membership.generation = 6;
    assertEquals([lease.state(0), lease.held(), lease.fenced], ["fenced", false, true]);
    const lost = lease.lost();
    assert(lost instanceof LeaseLost);
    assertEquals([lost.topic, lost.partition, lost.generation], ["t", 1, 5]);
  })));
