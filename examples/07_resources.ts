// Resources per partition: acquired before the first message, released when the partition goes or the actor restarts. So
// a partition has its own connection, file or cache, and no two messages of different partitions share it.
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ player: z.string(), points: z.number() });
const Scored = event({ name: "Scored", topic: "scores", schema, key: (score) => score.player });

class ScoreBoard implements AsyncDisposable {
  readonly #points = new Map<string, number>();

  static async open(partition: number): Promise<ScoreBoard> {
    console.log(`partition ${partition}: opened`);
    return await Promise.resolve(new ScoreBoard(partition));
  }

  private constructor(readonly partition: number) {}

  add(player: string, points: number): number {
    const sum = (this.#points.get(player) ?? 0) + points;
    this.#points.set(player, sum);
    return sum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    console.log(`partition ${this.partition}: closed`);
  }
}

let left = 4;
const done = Promise.withResolvers<void>();

const referee = actor({
  name: "referee",
  receives: [Scored],
  resources: ({ partition }) => ScoreBoard.open(partition),
  receive: ({ player, points }, { resources: board }) => {
    console.log(`${player}: ${board.add(player, points)} points`);
    if (--left === 0) done.resolve();
  },
});

await using system = await ActorSystem.start({
  actors: [referee],
  broker: embedded(),
  partitions: 2,
  logLevel: "warn",
});
for (const points of [1, 2]) {
  for (const player of ["Ada", "Grace"]) await system.publish(Scored, { player, points });
}
await done.promise;
