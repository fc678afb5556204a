/**
 * SASL SCRAM: both sides prove that they know the password, without showing it.
 * Source: RFC 5802 and RFC 7677. As in Kafka, names and passwords are taken as they are (no SASLprep).
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { type Login, SaslFault } from "./login.ts";

const hashes = {
  "scram-sha-256": { hash: "sha256", subtle: "SHA-256", bits: 256 },
  "scram-sha-512": { hash: "sha512", subtle: "SHA-512", bits: 512 },
} as const;

// RFC 7677's least: fewer, and whoever plays the broker could try passwords fast. The most bounds the work it can ask for.
const fewestIterations = 4_096;
const mostIterations = 1_000_000;

type Bytes = Uint8Array<ArrayBuffer>;
const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Three messages; throws where the broker's don't fit, or where it does not know the password. `nonce` is for tests. */
export function scramLogin(
  mechanism: keyof typeof hashes,
  username: string,
  password: string,
  nonce: string = crypto.getRandomValues(new Uint8Array(24)).toBase64(),
): Login {
  const { hash, subtle, bits } = hashes[mechanism];
  const hmac = (key: Uint8Array, message: string): Bytes => plain(createHmac(hash, key).update(message).digest());
  const digest = (bytes: Uint8Array): Bytes => plain(createHash(hash).update(bytes).digest());
  const first = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  let expected: Uint8Array | null = null;
  let step = 0;

  /** Answers the broker's nonce, salt and number of iterations with the proof. */
  const prove = async (challenge: string): Promise<Uint8Array> => {
    const { r: joint, s: salt, i: count } = attributes(challenge, "r", "s", "i");
    if (!joint.startsWith(nonce) || joint.length === nonce.length) throw new SaslFault("its nonce is not made of ours");
    const iterations = /^\d{1,9}$/.test(count) ? Number(count) : 0;
    if (iterations < fewestIterations || iterations > mostIterations) {
      throw new SaslFault(
        `it wants ${count.slice(0, 20)} iterations; between ${fewestIterations} and ${mostIterations} are accepted`,
      );
    }
    const key = await crypto.subtle.importKey("raw", utf8.encode(password), "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: subtle, salt: base64(salt), iterations };
    const salted = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, bits));
    const last = `c=biws,r=${joint}`; // biws is "n,,": no channel binding
    const signed = `${first},${challenge},${last}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(digest(clientKey), signed);
    expected = hmac(hmac(salted, "Server Key"), signed);
    return utf8.encode(`${last},p=${clientKey.map((byte, at) => byte ^ signature[at]).toBase64()}`);
  };

  /** The broker's proof that it knows the password too. */
  const check = (answer: string): null => {
    const refused = /^e=([^,]*)/.exec(answer)?.[1];
    if (refused !== undefined) throw new SaslFault(`it says ${refused.slice(0, 80)}`);
    const signature = base64(attributes(answer, "v").v);
    if (expected === null || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new SaslFault("its signature is wrong: whoever answers does not know the password");
    }
    return null;
  };

  return {
    who: `"${username}"`,
    secrets: [password],
    next: (answer) => {
      switch (step++) {
        case 0:
          return utf8.encode(`n,,${first}`);
        case 1:
          return prove(text.decode(answer));
        default:
          return check(text.decode(answer));
      }
    },
  };
}

/** Reads `a=…,b=…`, which has to begin with these names in this order. */
function attributes<N extends string>(message: string, ...names: ReadonlyArray<N>): Record<N, string> {
  const parts = message.split(",");
  const found = names.map((name, at) => {
    if (!parts[at]?.startsWith(`${name}=`)) throw new SaslFault(`its SCRAM message has no ${name}`);
    return [name, parts[at].slice(2)] as const;
  });
  return Object.fromEntries(found) as Record<N, string>;
}

function base64(value: string): Bytes {
  try {
    return Uint8Array.fromBase64(value);
  } catch {
    throw new SaslFault("its SCRAM message is not base64");
  }
}

/** A copy that is no node Buffer, whose `map` and `toBase64` are other ones. */
function plain(bytes: Uint8Array): Bytes {
  return Uint8Array.from(bytes);
}
