/**
 * The token that all connections of a link log in with, renewed before it runs out.
 * @module
 */
import { Clock, Effect, Semaphore } from "effect";
import { asked, SaslFault } from "./login.ts";
import type { OAuthToken, SaslToken } from "./security_options.ts";

interface Kept {
  readonly value: string;
  /** Until when it is used without asking for another, in ms since 1970. */
  readonly fresh: number;
  /** When it runs out. */
  readonly expires: number;
}

/** Asks for tokens; connections that need one at the same time share the question. */
export class TokenSource {
  readonly #lock = Semaphore.makeUnsafe(1);
  readonly #give: SaslToken["token"];
  #kept: Kept | null = null;

  /** `give` is the program's. */
  constructor(give: SaslToken["token"]) {
    this.#give = give;
  }

  /** A token with at least half of its life before it, where the program can give one; else the last one while it is valid. */
  readonly token: Effect.Effect<string, SaslFault> = Effect.suspend(() => this.#lock.withPermits(1)(this.#fresh)).pipe(
    Effect.map(({ value }) => value),
  );

  /** A token that was refused is not used again, whatever it says of its own life. */
  forget(token: string): void {
    if (this.#kept?.value === token) this.#kept = null;
  }

  readonly #fresh: Effect.Effect<Kept, SaslFault> = Effect.suspend(() =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const kept = this.#kept;
      if (kept !== null && now < kept.fresh) return Effect.succeed(kept);
      return Effect.map(this.#ask(now), (token) => this.#kept = token).pipe(
        Effect.catch((fault) => kept !== null && now < kept.expires ? Effect.succeed(kept) : Effect.fail(fault)),
      );
    })
  );

  #ask(now: number): Effect.Effect<Kept, SaslFault> {
    return Effect.flatMap(asked<string | OAuthToken>("sasl.token", this.#give), (token) => {
      const value = typeof token === "string" ? token : token?.value;
      if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
        return Effect.fail(new SaslFault("sasl.token gave no token: expected a text without blanks"));
      }
      const expires = (typeof token === "string" ? undefined : token.expiresAt) ?? expiryOf(value) ?? now;
      return Effect.succeed({ value, expires, fresh: now + (expires - now) / 2 });
    });
  }
}

/** What a JWT says of its own end, in ms since 1970. */
function expiryOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(token.split(".")[1] ?? "", { alphabet: "base64url" })),
    );
    const expires = (claims as { readonly exp?: unknown } | null)?.exp;
    return typeof expires === "number" ? expires * 1_000 : undefined;
  } catch {
    return undefined; // no JWT: only the brokers know
  }
}
