/**
 * A real single-node Kafka with locks on its doors: TLS, passwords, tokens, client certificates, access lists.
 * @module
 */
import { Authority, type Certificate } from "./certificates.ts";
import { cacheFolder, distribution, format, once } from "./distribution.ts";
import { freePort, type KafkaNode, startKafka } from "./node.ts";

/** Who may come in by a password: any SCRAM mechanism, or PLAIN. */
export const users: Readonly<Record<string, string>> = { alice: "alice-secret", bob: "bob-secret" };

/** How to start it. */
export interface SecuredOptions {
  /** How long a login lasts, in ms; default 2,000. */
  readonly session?: number;
  /** More lines for server.properties; a later line wins. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A node, and how to come in. */
export interface SecuredNode extends AsyncDisposable {
  /** The node; its own address is the door without a lock: whoever comes in there may do all. */
  readonly node: KafkaNode;
  /** host:port with TLS and SASL: SCRAM-SHA-256, SCRAM-SHA-512, PLAIN and OAUTHBEARER (unsigned tokens). */
  readonly sasl: string;
  /** host:port with TLS that asks for a client's certificate; its common name is who comes in. */
  readonly mutual: string;
  /** host:port with TLS whose certificate has run out. */
  readonly expired: string;
  /** The authority that signed all certificates. */
  readonly authority: Authority;
  /** Ends the node. */
  readonly stop: () => Promise<void>;
}

/** Starts it and waits until it answers. Throws `NoKafka` when that can't be had. */
export async function startSecured(options: SecuredOptions = {}): Promise<SecuredNode> {
  const { classPath } = await distribution();
  const template = `${cacheFolder()}/formatted-with-users`;
  await once(template, (into) => format(classPath, into, scram));
  const [plain, sasl, mutual, expired, controller] = Array.from({ length: 5 }, freePort);
  const authority = await Authority.make("Troupe's test authority");
  const hosts = ["localhost", "127.0.0.1"];
  const folder = await Deno.makeTempDir({ prefix: "troupe-certificates-" });
  const trusted = `${folder}/trusted.pem`;
  await Deno.writeTextFile(trusted, authority.cert);
  const store = async (name: string, { cert, key }: Certificate) => {
    await Deno.writeTextFile(`${folder}/${name}.pem`, key + cert);
    return `${folder}/${name}.pem`;
  };
  const valid = await store("valid", await authority.issue({ name: "broker", hosts }));
  const yesterday = Date.now() - 86_400_000;
  const ranOut = await authority.issue({ name: "broker", hosts, valid: [yesterday - 86_400_000, yesterday] });
  const old = await store("old", ranOut);
  const listeners = [
    `PLAIN://127.0.0.1:${plain}`,
    `LOCKED://127.0.0.1:${sasl}`,
    `MUTUAL://127.0.0.1:${mutual}`,
    `EXPIRED://127.0.0.1:${expired}`,
  ].join(",");
  const node = await startKafka({
    port: plain,
    template,
    settings: {
      "listeners": `${listeners},CONTROLLER://127.0.0.1:${controller}`,
      "advertised.listeners": listeners,
      "controller.quorum.voters": `1@127.0.0.1:${controller}`,
      "listener.security.protocol.map":
        "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,LOCKED:SASL_SSL,MUTUAL:SSL,EXPIRED:SASL_SSL",
      "inter.broker.listener.name": "PLAIN",
      "ssl.keystore.type": "PEM",
      "ssl.keystore.location": valid,
      "ssl.truststore.type": "PEM",
      "ssl.truststore.location": trusted,
      "listener.name.mutual.ssl.client.auth": "required",
      "listener.name.expired.ssl.keystore.type": "PEM",
      "listener.name.expired.ssl.keystore.location": old,
      "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
      ...saslSettings("locked"),
      ...saslSettings("expired"),
      "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
      "connections.max.reauth.ms": String(options.session ?? 2_000),
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
      ...options.settings,
    },
  });
  const stop = async () => {
    await node.kill(); // nobody will read its log
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  };
  return {
    node,
    sasl: `127.0.0.1:${sasl}`,
    mutual: `127.0.0.1:${mutual}`,
    expired: `127.0.0.1:${expired}`,
    authority,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A token without a signature, which the node takes from anybody. */
export function unsignedToken(subject: string, lifetime: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const claims = { sub: subject, iat: now, exp: now + lifetime / 1_000 };
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

const scram = Object.entries(users).flatMap(([name, password]) =>
  ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name="${name}",iterations=4096,password="${password}"]`,
  ])
);

function saslSettings(listener: string): Record<string, string> {
  const of = `listener.name.${listener}`;
  const security = "org.apache.kafka.common.security";
  const passwords = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`).join(" ");
  return {
    [`${of}.scram-sha-256.sasl.jaas.config`]: `${security}.scram.ScramLoginModule required;`,
    [`${of}.scram-sha-512.sasl.jaas.config`]: `${security}.scram.ScramLoginModule required;`,
    [`${of}.plain.sasl.jaas.config`]: `${security}.plain.PlainLoginModule required ${passwords};`,
    [`${of}.oauthbearer.sasl.jaas.config`]:
      `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    [`${of}.oauthbearer.sasl.server.callback.handler.class`]:
      `${security}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`,
  };
}
