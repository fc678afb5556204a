import { actor, event } from "@troupe/troupe";
import { TestSystem } from "@troupe/troupe/testing";
import { z } from "zod";
import { assertEquals } from "../assert.ts";

const schema = z.object({ id: z.string() });
const Placed = event({ name: "Placed", topic: "orders", schema, key: ({ id }) => id });

Deno.test("a Promise that rejects at once at a retry rejects to somebody, also while the system stops", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    let handled = 0;
    const hasty = actor({
      name: "hasty",
      receives: [Placed],
      retry: { times: 5, initial: 10 },
      receive: async (_, context) => {
        await Promise.resolve();
        if (context.attempt < 5) throw new Error("not yet"); // to nobody, it would end this process
        handled++;
      },
    });
    await using test = await TestSystem.start({ actors: [hasty], seed, logLevel: "none" });
    for (let i = 0; i < 10; i++) {
      await test.publish(Placed, { id: `o-${i % 3}` });
      if (i % 3 === 2) await test.restart();
    }
    await test.handled();
    assertEquals(handled, 10);
  }
});
