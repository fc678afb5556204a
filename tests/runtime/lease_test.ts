import { Clock, Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import type { Membership } from "../../src/client/port.ts";
import { renew } from "../../src/client/group/group_deadline.ts";
import { LeaseLost } from "../../src/errors.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { PartitionLease } from "../../src/runtime/lease.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
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

Deno.test("remaining() counts down to nothing, ensure() throws LeaseLost where a lease is not held", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const membership = membershipUntil(monotonicMs(clock) + 100);
    const lease = new PartitionLease("t", 1, membership, clock);
    assertEquals(lease.remaining(), 100);
    yield* TestClock.adjust(70);
    assertEquals(lease.remaining(), 30);
    lease.ensure();
    yield* TestClock.adjust(70);
    assertEquals(lease.remaining(), 0);
    assertThrows(lease.ensure, LeaseLost, "t/1");
    renew(membership, monotonicMs(clock) + 50);
    assertEquals(lease.remaining(), 50);
    lease.ensure();
    lease.fence();
    assertEquals(lease.remaining(), 0);
    assertThrows(lease.ensure, LeaseLost, "t/1");
  })));

Deno.test("who waits for a lease's renewal is told once, and not any more when it has stopped waiting", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const membership = membershipUntil(-Infinity);
    const lease = new PartitionLease("t", 1, membership, clock);
    let told = 0;
    const wake = () => void told++;
    lease.onceRenewed(wake);
    lease.onceRenewed(wake);
    const waits = yield* Effect.forkScoped(lease.renewed, { startImmediately: true });
    const gaveUp = yield* Effect.forkScoped(lease.renewed, { startImmediately: true });
    yield* Fiber.interrupt(gaveUp);
    assertEquals(membership.waiting?.size, 2);
    renew(membership, monotonicMs(clock) + 100);
    yield* Fiber.join(waits);
    renew(membership, monotonicMs(clock) + 200);
    assertEquals([told, membership.waiting?.size], [1, 0]);
  })));

Deno.test("renew() never moves a deadline back", () => {
  const membership = membershipUntil(1_000);
  renew(membership, 900);
  assertEquals(membership.deadline, 1_000);
});
