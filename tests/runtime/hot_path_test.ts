import { Clock, Effect, FiberSet } from "effect";
import { actor } from "../../src/actor.ts";
import { skip } from "../../src/outcome.ts";
import { Incarnation } from "../../src/runtime/incarnation.ts";
import { makeInvoke } from "../../src/runtime/invoke.ts";
import { PartitionLease } from "../../src/runtime/lease.ts";
import { MessageReader } from "../../src/runtime/message_reader.ts";
import { emptyOffsetMap } from "../../src/runtime/offset_map.ts";
import { Partition } from "../../src/runtime/partition.ts";
import { makeActorCounters } from "../../src/telemetry/counters.ts";
import { assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { FakeFetcher } from "./fake_fetcher.ts";
import { FakeSender } from "./fake_sender.ts";
import { Echo, Note, notes, turns } from "./one_partition.ts";

Deno.test("what a plain handler, or a Promise, answers is settled without a fiber; an Effect that waits gets one", () =>
  virtual(Effect.gen(function* () {
    let pending: () => unknown = () => undefined;
    const definition = actor({
      name: "a",
      receives: [Note],
      receive: ({ n }, context) => {
        if (n % 4 === 1) return skip();
        if (n % 4 === 2) return void context.publish(Echo, `${n}`);
        if (n % 4 === 3) return Effect.succeed(n);
        return pending();
      },
    });
    const clock = yield* Clock.Clock;
    const membership = { groupId: "a", memberId: "m", groupInstanceId: null, generation: 1, deadline: Infinity };
    const lease = new PartitionLease("notes", 0, membership, clock);
    const fetcher = new FakeFetcher();
    const sender = new FakeSender();
    const partition = new Partition(definition, "notes", 0, lease, makeActorCounters(), fetcher);
    partition.begin(0, emptyOffsetMap);
    const services = { reader: new MessageReader(definition, "notes", [Note]), sender };
    const logger = () => {
      throw new Error("nobody logs");
    };
    const context = { actor: "a", topic: "notes", partition: 0, resources: undefined, lease, logger };
    const fork = yield* Effect.flatMap(FiberSet.make<void>(), (set) => FiberSet.runtime(set)());
    let fibers = 0;
    const life = new Incarnation(partition, services, makeInvoke(definition, context), clock, context, (effect) => {
      fibers++;
      fork(effect);
    });
    yield* Effect.forkScoped(life.run);
    fetcher.deliver(notes(1_000, ["a", "b", "c"]));
    yield* turns;
    sender.settle();
    assertEquals([partition.position, fibers], [1_000, 0]);
    pending = () => Promise.resolve();
    fetcher.deliver(notes(4, ["a", "b", "c", "d"], 1_000));
    yield* turns;
    sender.settle();
    assertEquals([partition.position, fibers], [1_004, 1], "the timer of receiveTimeout");
    pending = () => Effect.sleep(0);
    fetcher.deliver(notes(4, ["a", "b", "c", "d"], 1_000));
    yield* turns;
    sender.settle();
    assertEquals([partition.position, fibers], [1_008, 2]);
  })));
