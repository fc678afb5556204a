/**
 * SASL PLAIN: the password as it is.
 * Source: RFC 4616.
 * @module
 */
import type { Login } from "./login.ts";

/** Sends user and password, and is told whether they are right. */
export function plainLogin(username: string, password: string): Login {
  let sent = false;
  return {
    who: `"${username}"`,
    secrets: [password],
    next: () => {
      if (sent) return null;
      sent = true;
      return new TextEncoder().encode(`\0${username}\0${password}`);
    },
  };
}
