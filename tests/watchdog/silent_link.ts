/**
 * A way to a Kafka on which one kind of request falls silent: what the client's own time-outs don't notice.
 * @module
 */
import { Deferred, Effect, Exit, type Scope } from "effect";
import { type ConfigError, ConnectionError } from "../../src/errors.ts";
import type { Connection, Link } from "../../src/link/link.ts";

/** What falls silent. A Fetch is answered in time, with nothing; anything else never, and no time-out ends the wait. */
export type Silent = "Fetch" | "Heartbeat" | "ConsumerGroupHeartbeat" | "OffsetCommit";

/** See the module. */
export class SilentLink {
  /** Whether requests fall silent. */
  armed = false;
  /** Whether connections that are opened later hear. */
  heals = true;
  readonly open: Effect.Effect<Link, ConfigError, Scope.Scope>;
  readonly #over = Deferred.makeUnsafe<never, ConnectionError>();

  constructor(kafka: { readonly open: Effect.Effect<Link, ConfigError, Scope.Scope> }, readonly silent: Silent) {
    this.open = Effect.map(kafka.open, (link) => ({
      ...link,
      connect: (address, role) => Effect.map(link.connect(address, role), (connection) => this.#mute(connection)),
    }));
  }

  /** Ends the silence: what has waited fails. */
  end(): void {
    this.armed = false;
    const error = new ConnectionError("silent:0", "closed", "the silence is over");
    Deferred.doneUnsafe(this.#over, Exit.fail(error));
  }

  #mute(connection: Connection): Connection {
    const late = this.armed;
    return {
      address: connection.address,
      isOpen: () => connection.isOpen(),
      close: connection.close,
      call: (name, request, timeout) => {
        const hears = () => name !== this.silent || !this.armed || (late && this.heals);
        if (hears()) {
          // One that is under way falls silent with the others.
          const answer = connection.call(name, request, timeout);
          return name === "Fetch"
            ? Effect.flatMap(answer, (came) => hears() ? Effect.succeed(came) : emptied(came))
            : answer;
        }
        if (name !== "Fetch") return Deferred.await(this.#over);
        return Effect.flatMap(connection.call(name, request, timeout), emptied);
      },
    };
  }
}

interface EmptyAnswer {
  readonly topics: ReadonlyArray<{ readonly partitions: ReadonlyArray<object> }>;
}

/** As if there were nothing new, at a fetch's own pace. */
function emptied<A>(came: A): Effect.Effect<A> {
  const answer = came as unknown as EmptyAnswer;
  const topics = answer.topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((one) => ({ ...one, records: new Uint8Array(0), highWatermark: 0 })),
  }));
  return Effect.as(Effect.sleep(50), { ...answer, topics } as unknown as A);
}
