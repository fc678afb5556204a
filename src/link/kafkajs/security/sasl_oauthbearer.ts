/**
 * SASL OAUTHBEARER: a token.
 * Source: RFC 7628; extensions as in KIP-342.
 * @module
 */
import { type Login, SaslFault } from "./login.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder();
const separator = "\x01";

/** Sends a token, and is told whether it is good. */
export function oauthLogin(token: string, extensions: Readonly<Record<string, string>> = {}): Login {
  let sent = false;
  let refusal = "";
  return {
    who: "a token",
    secrets: [token],
    next: (answer) => {
      if (!sent) {
        sent = true;
        const pairs = Object.entries({ auth: `Bearer ${token}`, ...extensions });
        return utf8.encode(`n,,${separator}${pairs.map((pair) => pair.join("=") + separator).join("")}${separator}`);
      }
      if (refusal !== "") throw new SaslFault(refusal);
      if (answer.length === 0) return null;
      // A refusal comes as JSON; it counts once we have said that we have heard it.
      refusal = `the token is refused: ${text.decode(answer)}`;
      return utf8.encode(separator);
    },
  };
}
