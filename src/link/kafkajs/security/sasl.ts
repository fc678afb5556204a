/**
 * What a SASL mechanism is to a connection: something that logs in, again and again.
 * @module
 */
import { Effect } from "effect";
import { asked, type Login, SaslFault } from "./login.ts";
import { mechanisms, type Provided, type SaslOptions } from "./security_options.ts";
import { plainLogin } from "./sasl_plain.ts";
import { scramLogin } from "./sasl_scram.ts";
import { oauthLogin } from "./sasl_oauthbearer.ts";
import { TokenSource } from "./token_source.ts";

/** A way to log in. Holds its secrets in closures, so that no look at an object shows them. */
export interface SaslMechanism {
  /** In Kafka's writing. */
  readonly name: string;
  /** Begins a login with what the user and the password, or the token, are now. */
  readonly login: Effect.Effect<Login, SaslFault>;
}

/** The mechanism of these options. */
export function saslMechanism(options: SaslOptions): SaslMechanism {
  const name = mechanisms[options.mechanism];
  if (options.mechanism === "oauthbearer") {
    const source = new TokenSource(options.token);
    const begin = (token: string) => ({
      ...oauthLogin(token, options.extensions),
      refused: () => source.forget(token),
    });
    return { name, login: Effect.map(source.token, begin) };
  }
  const { mechanism, username, password } = options;
  return {
    name,
    login: Effect.gen(function* () {
      const user = yield* provided("username", username);
      const secret = yield* provided("password", password);
      return mechanism === "plain" ? plainLogin(user, secret) : scramLogin(mechanism, user, secret);
    }),
  };
}

function provided(field: string, value: Provided): Effect.Effect<string, SaslFault> {
  return Effect.flatMap(asked(`sasl.${field}`, typeof value === "string" ? () => value : value), (text) => {
    if (typeof text === "string" && text !== "") return Effect.succeed(text);
    return Effect.fail(new SaslFault(`sasl.${field} gave no text`));
  });
}
