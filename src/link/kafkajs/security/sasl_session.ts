/**
 * A connection's login, from the first one to the end of the connection.
 * Source: KIP-368.
 * @module
 */
import { Clock, Effect, Random, Schedule } from "effect";
import type { ConnectionError } from "../../../errors.ts";
import type { Gate } from "../gate.ts";
import { type Login, SaslFault } from "./login.ts";
import type { SaslMechanism } from "./sasl.ts";
import { type Ask, converse } from "./sasl_dialogue.ts";

/** Brokers take no two logins of a connection within a second; a session that is shorter is renewed late. */
const soonest = 1_050;
/** The longest time between two questions to whoever gives passwords and tokens and fails, in ms. */
const longestPause = 1_000;

/** Logs in, and again before each session ends. */
export class SaslSession {
  /** How long the present login lasts, in ms; 0 for ever. */
  #lifetime = 0;

  /** `ask` passes the gate, which all other requests of the connection have to take; `patience` is for one password or token. */
  constructor(
    readonly mechanism: SaslMechanism,
    readonly ask: Ask<ConnectionError>,
    readonly gate: Gate,
    readonly patience: number,
  ) {}

  /** The first login. */
  readonly begin: Effect.Effect<void, ConnectionError | SaslFault> = Effect.suspend(() =>
    Effect.flatMap(this.mechanism.login, this.#logIn)
  );

  /**
   * Goes on logging in, on the same connection. The broker takes nothing but the login then: requests under way are
   * answered before, new ones wait. Ends when the session lasts for ever, fails when a login does: the connection is of
   * no use any more.
   */
  readonly keep: Effect.Effect<void, ConnectionError | SaslFault> = Effect.gen({ self: this }, function* () {
    while (this.#lifetime > 0) {
      const pause = Math.min(longestPause, this.#lifetime / 20);
      const ends = (yield* monotonicMillis) + this.#lifetime;
      const chance = yield* Random.next; // so that not all connections do it at once
      yield* Effect.sleep(Math.max(soonest, this.#lifetime * (0.75 + 0.1 * chance)));
      // What to log in with comes first: requests don't wait for whoever gives it.
      const login = yield* this.mechanism.login.pipe(
        Effect.timeoutOrElse({ duration: this.patience, orElse: () => Effect.fail(late(this.patience)) }),
        Effect.retry({
          schedule: Schedule.spaced(pause),
          while: () => Effect.map(monotonicMillis, (now) => now + pause < ends),
        }),
      );
      this.gate.shut();
      yield* this.#logIn(login);
      this.gate.open();
    }
  });

  readonly #logIn = (login: Login): Effect.Effect<void, ConnectionError | SaslFault> =>
    converse(this.mechanism, login, this.ask).pipe(
      Effect.map((lifetime) => void (this.#lifetime = lifetime)),
      Effect.tapError((cause) => Effect.sync(() => cause instanceof SaslFault && login.refused?.())),
    );
}

// A wall clock may be set in the midst of a session.
const monotonicMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6);

function late(patience: number): SaslFault {
  return new SaslFault(`nothing to log in with after ${patience} ms`);
}
