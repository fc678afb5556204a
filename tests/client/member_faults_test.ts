import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals } from "../assert.ts";
import { makeClassicWorld, makeConsumerWorld } from "./group_world.ts";
import { type Aftermath, suffer } from "./member_turmoil.ts";

const times = { sessionTimeout: 2_000, rebalanceTimeout: 4_000, metadataMaxAge: 3_000 };

function check(ends: ReadonlyArray<Aftermath>, assignments: number): void {
  for (const [seed, { wrong, loads, behind, left }] of ends.entries()) {
    assertEquals(wrong, [], `seed ${seed}`);
    assertEquals(loads.reduce((sum, load) => sum + load, 0), 13, `seed ${seed}: ${loads}`);
    assert(Math.max(...loads) - Math.min(...loads) <= 1, `seed ${seed}: ${loads}`);
    assert(behind.every((generations) => generations === 0), `seed ${seed}: ${behind}`);
    assertEquals(left, { seats: 0, holders: 0 }, `seed ${seed}`);
  }
  const assigned = ends.reduce((sum, end) => sum + end.assigned, 0);
  assert(assigned > assignments, `${assigned}`);
}

Deno.test("members under 60 schedules of faults never hold a partition twice under a live lease, and settle evenly", () => {
  const turmoil = {
    world: makeClassicWorld,
    options: { ...times, heartbeatInterval: 200 },
    lost: 0.03,
    slow: 5,
    refusals: [
      "SyncGroup",
      ErrorCode.REBALANCE_IN_PROGRESS,
      "Heartbeat",
      ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ],
    generation: ({ generation }: { readonly generation: number }) => generation,
  } as const;
  check(Array.from({ length: 60 }, (_, seed) => suffer(seed, turmoil)), 600);
});

Deno.test("members of the newer protocol under 20 schedules of faults never hold a partition twice, and settle evenly", () => {
  const turmoil = {
    world: makeConsumerWorld,
    prepare: (kafka: { sessionTimeout: number; heartbeatInterval: number }) => {
      kafka.sessionTimeout = 2_000;
      kafka.heartbeatInterval = 200;
    },
    options: times,
    lost: 0.06,
    slow: 30,
    refusals: [
      "ConsumerGroupHeartbeat",
      ErrorCode.FENCED_MEMBER_EPOCH,
      "ConsumerGroupHeartbeat",
      ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ],
    generation: ({ epoch }: { readonly epoch: number }) => epoch,
  } as const;
  check(Array.from({ length: 20 }, (_, seed) => suffer(seed, turmoil)), 200);
});
