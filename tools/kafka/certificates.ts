/**
 * Certificates for tests: an authority of one's own and what it signs, as PEM texts, made in a few milliseconds without
 * any other program.
 * Source: RFC 5280 (X.509), ITU-T X.690 (DER).
 * @module
 */

/** A certificate and its private key, both PEM. */
export interface Certificate {
  /** The certificate. */
  readonly cert: string;
  /** The private key, PKCS #8. */
  readonly key: string;
}

/** What an authority is asked to sign. */
export interface Subject {
  /** The common name. */
  readonly name: string;
  /** Host names and IPv4 addresses it is for; none for a client. */
  readonly hosts?: ReadonlyArray<string>;
  /** From when to when it is valid, in ms since 1970; default from a day ago for ten years. */
  readonly valid?: readonly [from: number, to: number];
}

/** Signs certificates. */
export class Authority {
  readonly #keys: CryptoKeyPair;
  readonly #name: string;
  /** Its own certificate, PEM: what whoever trusts it is given. */
  readonly cert: string;

  private constructor(keys: CryptoKeyPair, name: string, cert: string) {
    this.#keys = keys;
    this.#name = name;
    this.cert = cert;
  }

  /** Makes one that nobody trusts yet. */
  static async make(name: string): Promise<Authority> {
    const keys = await makeKeys();
    const extensions = [
      extension(oids.basicConstraints, true, sequence(boolean(true))),
      extension(oids.keyUsage, true, tlv(0x03, [1, 0x06])), // signs certificates and lists of revoked ones
    ];
    const cert = await sign({ name, issuer: name, valid: tenYears(), keys, by: keys, extensions });
    return new Authority(keys, name, pem("CERTIFICATE", cert));
  }

  /** A new key with a certificate. */
  async issue({ name, hosts = [], valid = tenYears() }: Subject): Promise<Certificate> {
    const keys = await makeKeys();
    const names = hosts.map((host) => {
      const address = /^\d+\.\d+\.\d+\.\d+$/.test(host);
      return address ? tlv(0x87, host.split(".").map(Number)) : tlv(0x82, utf8.encode(host));
    });
    const extensions = [
      extension(oids.keyUsage, true, tlv(0x03, [7, 0x80])), // signs handshakes
      extension(oids.extendedKeyUsage, false, sequence(oid(oids.serverAuth), oid(oids.clientAuth))),
      ...(names.length > 0 ? [extension(oids.subjectAltName, false, sequence(...names))] : []),
    ];
    const cert = await sign({ name, issuer: this.#name, valid, keys, by: this.#keys, extensions });
    const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
    return { cert: pem("CERTIFICATE", cert), key: pem("PRIVATE KEY", key) };
  }
}

const utf8 = new TextEncoder();
const day = 86_400_000;

const oids = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  subjectAltName: "2.5.29.17",
};

interface ToSign {
  readonly name: string;
  readonly issuer: string;
  readonly valid: readonly [from: number, to: number];
  readonly keys: CryptoKeyPair;
  readonly by: CryptoKeyPair;
  readonly extensions: ReadonlyArray<Uint8Array>;
}

async function sign({ name, issuer, valid, keys, by, extensions }: ToSign): Promise<Uint8Array> {
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = serial[0] & 0x7f | 0x40; // positive, and never with a zero in front
  const content = sequence(
    tlv(0xa0, tlv(0x02, [2])), // version 3
    tlv(0x02, serial),
    algorithm,
    distinguished(issuer),
    sequence(...valid.map(time)),
    distinguished(name),
    new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey)),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = new Uint8Array(
    await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, by.privateKey, content),
  );
  const pair = sequence(unsigned(signature.subarray(0, 32)), unsigned(signature.subarray(32)));
  return sequence(content, algorithm, tlv(0x03, [0, ...pair]));
}

async function makeKeys(): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  return keys as CryptoKeyPair;
}

function tenYears(): readonly [from: number, to: number] {
  return [Date.now() - day, Date.now() + 3_650 * day];
}

/** Tag, length, content. */
function tlv(tag: number, content: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Uint8Array.from([tag, ...size, ...Array.from(content)]);
}

function sequence(...parts: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> {
  return tlv(0x30, parts.flatMap((part) => [...part]));
}

function boolean(value: boolean): Uint8Array {
  return tlv(0x01, [value ? 0xff : 0]);
}

/** An INTEGER of bytes that are not negative. */
function unsigned(bytes: Uint8Array): Uint8Array {
  const digits = [...bytes.subarray(bytes.findIndex((byte) => byte !== 0))];
  return tlv(0x02, digits[0] >= 0x80 ? [0, ...digits] : digits);
}

function oid(text: string): Uint8Array {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift(left & 0x7f | 0x80);
    bytes.push(...digits);
  }
  return tlv(0x06, bytes);
}

function distinguished(name: string): Uint8Array {
  return sequence(tlv(0x31, sequence(oid(oids.commonName), tlv(0x0c, utf8.encode(name)))));
}

/** UTCTime: two digits of the year, which is 1950 to 2049. */
function time(ms: number): Uint8Array {
  return tlv(0x17, utf8.encode(`${new Date(ms).toISOString().replace(/^..|[-:T]|\.\d+/g, "")}`));
}

function extension(id: string, critical: boolean, content: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), tlv(0x04, content));
}

function pem(label: string, der: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
