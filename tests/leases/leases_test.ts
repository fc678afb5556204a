/**
 * Workers that were away for longer than their session: by `deno task leases` in each way, here one of each kind at a time.
 */
import { assert, assertEquals } from "../assert.ts";
import { realKafkaTest } from "../support/kafka_broker.ts";
import { count } from "./count.ts";
import { run } from "./scenario.ts";

realKafkaTest(
  "a worker that was away for longer than its session publishes, commits and dead-letters nothing of what is another's",
  async (brokers) => {
    const ways = [["classic", "blocked"], ["consumer", "frozen"]] as const;
    const reports = await Promise.all(
      ways.map(([groupProtocol, how]) => run(brokers, { client: "ours", groupProtocol, how, rounds: 1 })),
    );
    for (const { scenario: { how }, late, commitsBack, begun } of reports) {
      assertEquals(commitsBack, 0);
      assert(begun > 500, `${begun} begun`);
      // Quick records that one turn takes up between two looks at the clock.
      assert(late.begun < 16, `${late.begun} begun late`);
      // A process can be stopped between its last look at the clock and the socket; a handler can't block it there.
      const wire = how === "frozen" ? 20 : 0;
      assert(late.published + late.letters <= wire, `${late.published} published, ${late.letters} letters late`);
    }
  },
);

const round = { worker: "one", grant: 1, from: 100, to: 200 };
const by = (worker: string, grant: number, offset: number, at: number, partition = 0) => ({
  worker,
  grant,
  offset,
  at,
  partition,
});

Deno.test("count() sees what stands behind the new owner's first record, by partition, and not what came with a new assignment", () => {
  const echoes = [
    by("one", 1, 0, 50),
    by("two", 1, 0, 60, 1),
    by("one", 1, 1, 99),
    by("two", 2, 1, 150),
    by("two", 2, 2, 151),
    by("one", 1, 2, 99),
    by("one", 1, 3, 201),
    by("one", 3, 4, 250),
    by("one", 1, 1, 99, 1),
  ];
  const begun = new Map([
    ["one", echoes.filter(({ worker }) => worker === "one")],
    ["two", echoes.filter(({ worker }) => worker === "two")],
  ]);
  assertEquals(count([round], echoes, echoes.slice(0, 4), begun), {
    published: 2,
    again: 1,
    letters: 0,
    begun: 1,
    twice: 2,
  });
});
