/**
 * Actors with quarantine beside the redrives of an office, in virtual time: each may be ended or killed.
 * @module
 */
import { Effect, type Fiber, Logger } from "effect";
import { actor, type ActorDefinition, ActorSystem, event } from "@troupe/troupe";
import { z } from "zod";
import { ProcessLink } from "../../src/testing/process_link.ts";
import type { VirtualProcess } from "../../src/testing/virtual_process.ts";
import { Office } from "./office.ts";

const schema = z.object({ id: z.string(), step: z.number() });
const Stepped = event({ name: "Stepped", topic: "orders", schema, key: ({ id }) => id });
const Walked = event({ name: "Walked", topic: "walks", schema: z.string(), key: (step) => step });

interface Running {
  readonly process: VirtualProcess;
  readonly link: ProcessLink;
  readonly fiber: Fiber.Fiber<unknown, unknown>;
}

/** See the module. Steps go to the topic `orders`. */
export class Walks extends Office {
  /** What was received to its end, in order. */
  readonly handled: string[] = [];
  /** Steps that fail. */
  readonly broken = new Set<string>();
  /** Steps at which the incarnation ends, once. */
  readonly deadly = new Set<string>();
  /** The systems at work. */
  readonly systems: Running[] = [];
  readonly #actor: ActorDefinition;

  /** `publishes`: each step that is handled is published to the topic `walks`. */
  constructor(partitions: number, seed: number, publishes: boolean) {
    super(partitions, seed);
    this.create({ walks: 2 });
    this.#actor = actor({
      name: "walker",
      receives: [Stepped],
      publishes: [Walked],
      quarantine: true,
      retry: { times: 1, initial: 50 },
      restart: { max: 1_000, initial: 20 },
      receive: ({ id, step }, context) => {
        const name = `${id}${step}`;
        if (this.deadly.delete(name)) return Effect.die("a bug of ours");
        if (this.broken.has(name)) throw new Error("no road");
        this.handled.push(name);
        if (publishes) context.publish(Walked, name);
      },
    });
  }

  /** Starts one more system. */
  start(): void {
    const process = this.time.process();
    const link = new ProcessLink(this.kafka);
    const options = { actors: [this.#actor], broker: link.broker, commitInterval: 200, producer: { linger: 0 } };
    const program = Effect.scoped(Effect.andThen(ActorSystem.make(options), Effect.never)) as Effect.Effect<
      never,
      unknown
    >;
    this.systems.push({ process, link, fiber: process.fork(Effect.provide(program, Logger.layer([]))) });
  }

  /** Ends a system as SIGTERM would, and waits for that. */
  stop(at: number): void {
    const [{ fiber }] = this.systems.splice(at, 1);
    fiber.interruptUnsafe();
    this.until(() => fiber.pollUnsafe() !== undefined);
  }

  /** Ends a system as SIGKILL would. */
  crash(at: number): void {
    const [{ process, link }] = this.systems.splice(at, 1);
    process.kill();
    link.cut();
  }

  /** Writes a step to its key's partition. */
  step(id: string, step: number): void {
    this.write([{ topic: "orders", key: id, value: JSON.stringify({ id, step }) }]);
  }

  /** Lets so much time pass. */
  wait(ms: number): void {
    const end = this.time.now + ms;
    this.run(Effect.sleep(ms));
    if (this.time.now < end) throw new Error("time stands still");
  }

  /** Waits until all that was published is committed. */
  settle(within = 600_000): void {
    this.until(() => {
      for (let partition = 0;; partition++) {
        const log = this.kafka.log("orders", partition);
        if (log === undefined) return true;
        if ((this.kafka.committed("walker", "orders", partition)?.offset ?? 0) < log.endOffset) return false;
      }
    }, within);
  }

  /** What was received to its end of a key, each for the first time. */
  walk(id: string): ReadonlyArray<number> {
    const steps = this.handled.filter((name) => name.startsWith(id)).map((name) => Number(name.slice(id.length)));
    return [...new Set(steps)];
  }
}
