import { Effect, Exit } from "effect";
import { TestClock } from "effect/testing";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { ConnectionError } from "../../src/errors.ts";
import type { BrokerAddress, Link } from "../../src/link/link.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { address, metadata, type ScriptedLink, scriptedLink } from "./scripted_link.ts";
import { advance, virtual } from "./virtual.ts";

type Fault = ConnectionError["reason"] | "silent";

/** A link to brokers 1 to n of which some can't be connected to. */
function faulty(count: number, faults: ReadonlyMap<number, Fault>): ScriptedLink {
  const bootstrap = Array.from({ length: count }, (_, i) => address(i + 1));
  const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) }, bootstrap);
  const connect: Link["connect"] = (at: BrokerAddress, role) =>
    Effect.suspend(() => {
      const fault = faults.get(Number(at.host.slice("broker-".length)));
      if (fault === undefined) return link.connect(at, role);
      if (fault === "silent") return Effect.never;
      return Effect.fail(new ConnectionError(`${at.host}:9092`, fault, "scripted"));
    });
  return { ...link, connect };
}

const warned = (log: ReadonlyArray<string>) => log.filter((line) => line.startsWith("no broker answers"));

Deno.test("makeCluster fails when every broker refuses the client at the first contact", () => {
  const log: string[] = [];
  return virtual(
    Effect.gen(function* () {
      for (const [reason, field] of [["authentication", "sasl"], ["tls", "ssl"]] as const) {
        const link = faulty(2, new Map([[1, reason], [2, reason]]));
        const error = yield* Effect.flip(makeCluster(link));
        assertEquals([error._tag, error.field], ["ConfigError", field]);
        assertMatch(error.message, /broker-1:9092.*broker-2:9092|broker-2:9092.*broker-1:9092/);
        assertEquals(error.message.split("\n").length, 1);
      }
      assertEquals(log, []);
    }),
    log,
  );
});

Deno.test("makeCluster waits where one broker refuses and another is only away", () => {
  const log: string[] = [];
  return virtual(
    Effect.gen(function* () {
      const faults = new Map<number, Fault>([[1, "authentication"], [2, "refused"]]);
      const cluster = yield* makeCluster(faulty(2, faults));
      yield* TestClock.adjust("25 seconds");
      assertEquals([cluster.reachable(), warned(log).length], [false, 3]);
      faults.delete(2);
      yield* TestClock.adjust("2 seconds");
      assert(cluster.reachable());
    }),
    log,
  );
});

Deno.test("a first contact that comes late and refuses fails refused, and who waits for an answer", () =>
  virtual(Effect.gen(function* () {
    const faults = new Map<number, Fault>([[1, "refused"]]);
    const cluster = yield* makeCluster(faulty(1, faults));
    const refused = yield* Effect.forkScoped(Effect.flip(cluster.refused));
    const refresh = yield* Effect.forkScoped(Effect.flip(cluster.refresh(["topic"])));
    yield* TestClock.adjust("5 seconds");
    assertEquals(refused.pollUnsafe(), undefined);
    faults.set(1, "tls");
    yield* TestClock.adjust("2 seconds");
    const exit = refused.pollUnsafe();
    assert(exit !== undefined && Exit.isSuccess(exit));
    assertEquals(exit.value.field, "ssl");
    assert(refresh.pollUnsafe() !== undefined);
  })));

Deno.test("a client that was taken once is never refused: a warning every ten seconds, and on it goes", () => {
  const log: string[] = [];
  return virtual(
    Effect.gen(function* () {
      const faults = new Map<number, Fault>();
      const link = faulty(1, faults);
      const cluster = yield* makeCluster(link);
      const refused = yield* Effect.forkScoped(Effect.flip(cluster.refused));
      faults.set(1, "authentication");
      link.cut(1);
      yield* Effect.flip(cluster.anyConnection("admin"));
      yield* TestClock.adjust("25 seconds");
      assertEquals([cluster.reachable(), warned(log).length, refused.pollUnsafe()], [false, 3, undefined]);
      faults.clear();
      yield* TestClock.adjust("2 seconds");
      assert(cluster.reachable());
    }),
    log,
  );
});

Deno.test("a broker that takes connections and says nothing holds nobody up, and nothing is left of the try", () =>
  virtual(Effect.gen(function* () {
    for (let round = 0; round < 8; round++) {
      const link = faulty(4, new Map<number, Fault>([[1, "silent"], [2, "silent"], [3, "refused"]]));
      const made = yield* Effect.forkScoped(makeCluster(link));
      yield* advance(1_010, 50); // two head starts
      const cluster = made.pollUnsafe();
      assert(cluster !== undefined && Exit.isSuccess(cluster));
      assert(cluster.value.reachable());
      assertEquals(link.open(), 1);
    }
  })));
