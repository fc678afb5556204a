import { Effect } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeSender } from "../../src/client/produce/sender.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assertEquals } from "../assert.ts";
import { metadata, scriptedLink } from "./scripted_link.ts";
import { advance, virtual } from "./virtual.ts";

Deno.test("a record for a topic that this user may not know of fails at once, one for a topic that is not there waits", () =>
  virtual(Effect.gen(function* () {
    const errors: Readonly<Record<string, number>> = {
      denied: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
      missing: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    };
    const link = scriptedLink({
      Metadata: ({ topics }) => {
        const asked = (topics ?? []).map((name) => (
          { errorCode: errors[name], name, topicId: "0".repeat(32), partitions: [] }
        ));
        return Effect.succeed({ ...metadata([1], {}), topics: asked });
      },
    });
    const cluster = yield* makeCluster(link);
    const sender = yield* makeSender(cluster);
    const settled: string[] = [];
    for (const topic of ["denied", "missing", "denied"]) {
      const observer = { settled: (error: Error | null) => void settled.push(error?.message ?? topic) };
      sender.offer({ topic, key: null, value: "v", partition: 0 }, observer, null);
    }
    yield* advance(2_000);
    const says = "this user may not describe it, if it exists; see the broker's ACLs";
    assertEquals(settled, Array(2).fill(`publish to denied/0: TOPIC_AUTHORIZATION_FAILED: ${says}`));
    assertEquals([cluster.denied("denied"), cluster.denied("missing")], [true, false]);
  })));
