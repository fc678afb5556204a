import { Effect } from "effect";
import { ConfigError } from "../src/errors.ts";
import { kafkaFromEnvironment, type Variables } from "../src/kafka_environment.ts";
import { Authority } from "../tools/kafka/certificates.ts";
import { assert, assertEquals } from "./assert.ts";

const brokers = { KAFKA_BROKERS: "kafka-1:9093,kafka-2" };
const scram = { ...brokers, KAFKA_SASL_MECHANISM: "scram-sha-512", KAFKA_SASL_USERNAME: "alice" };
const authority = await Authority.make("an authority");
const { cert, key } = await authority.issue({ name: "a client" });

/** A folder that is gone afterwards. */
async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("kafkaFromEnvironment takes brokers, certificates and a login, from texts and from files", () =>
  inFolder(async (folder) => {
    for (const [name, text] of Object.entries({ ca: authority.cert, cert, key, password: "hush\n" })) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const environments: ReadonlyArray<Variables> = [
      brokers,
      { ...brokers, KAFKA_SSL: "true" },
      { ...brokers, KAFKA_SSL: "False", KAFKA_SSL_CA: "no such file, and not wanted" },
      { ...brokers, KAFKA_SSL_CA: authority.cert, KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key.replaceAll("\n", "\\n") },
      {
        ...scram,
        KAFKA_SSL_CA: `${folder}/ca`,
        KAFKA_SSL_CERT: `${folder}/cert`,
        KAFKA_SSL_KEY: `${folder}/key`,
        KAFKA_SASL_PASSWORD_FILE: `${folder}/password`,
      },
      { ...brokers, KAFKA_SASL_MECHANISM: "OAUTHBEARER", KAFKA_SASL_TOKEN_FILE: `${folder}/password` },
      { ...scram, KAFKA_SASL_PASSWORD: "hush", KAFKA_SASL_PASSWORD_FILE: "" },
    ];
    for (const variables of environments) {
      const broker = kafkaFromEnvironment({}, variables);
      assertEquals(broker.name, "kafka-1:9093,kafka-2:9092");
      await Effect.runPromise(Effect.scoped(broker.open));
      const shown = Deno.inspect(broker, { depth: 50, showHidden: true });
      for (const secret of ["hush", "PRIVATE"]) assert(!shown.includes(secret), shown);
    }
  }));

Deno.test("kafkaFromEnvironment fails with one line that names the variable and no secret", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/empty`, "\n");
    const secret = "hush";
    const wrong: ReadonlyArray<readonly [Variables, string]> = [
      [{}, "KAFKA_BROKERS: expected host:port of a Kafka, got nothing"],
      [{ KAFKA_BROKERS: "a:b" }, 'KAFKA_BROKERS: "a:b" is not host:port'],
      [{ ...brokers, KAFKA_SSL: "yes" }, 'KAFKA_SSL: expected true or false, got "yes"'],
      [{ ...brokers, KAFKA_SSL_CA: `${folder}/no` }, `KAFKA_SSL_CA: ${folder}/no: there is no such file`],
      [{ ...brokers, KAFKA_SSL_CA: folder }, `KAFKA_SSL_CA: ${folder}: it can't be read`],
      [{ ...brokers, KAFKA_SSL_CA: `${folder}/empty` }, "KAFKA_SSL_CA: expected a certificate as PEM text"],
      [{ ...brokers, KAFKA_SSL_CERT: cert }, "KAFKA_SSL_KEY: expected the private key of cert"],
      [{ ...brokers, KAFKA_SSL_KEY: key }, "KAFKA_SSL_CERT: expected the certificate of key"],
      [{ ...brokers, KAFKA_SSL_CERT: authority.cert, KAFKA_SSL_KEY: key }, "KAFKA_SSL_KEY: is not the private key of"],
      [scram, "KAFKA_SASL_PASSWORD: expected a text for KAFKA_SASL_MECHANISM, or a file in KAFKA_SASL_PASSWORD_FILE"],
      [{ ...brokers, KAFKA_SASL_PASSWORD: secret }, "KAFKA_SASL_MECHANISM: expected PLAIN, SCRAM-SHA-256"],
      [{ ...brokers, KAFKA_SASL_MECHANISM: "GSSAPI" }, "KAFKA_SASL_MECHANISM: expected PLAIN, SCRAM-SHA-256"],
      [{ ...brokers, KAFKA_SASL_MECHANISM: "oauthbearer" }, "KAFKA_SASL_TOKEN: expected a text"],
      [{ ...scram, KAFKA_SASL_PASSWORD_FILE: `${folder}/no` }, `KAFKA_SASL_PASSWORD_FILE: ${folder}/no: there is no`],
      [{ ...scram, KAFKA_SASL_PASSWORD_FILE: `${folder}/empty` }, `KAFKA_SASL_PASSWORD_FILE: ${folder}/empty is empty`],
      [
        { ...scram, KAFKA_SASL_PASSWORD: secret, KAFKA_SASL_PASSWORD_FILE: "x" },
        "KAFKA_SASL_PASSWORD: is set, and KAFKA_SASL_PASSWORD_FILE as well",
      ],
    ];
    for (const [variables, says] of wrong) {
      const { wrong } = kafkaFromEnvironment({}, variables);
      assert(wrong instanceof ConfigError && wrong.message.includes(says), `${says}: ${wrong?.message}`);
      const shown = Deno.inspect(wrong, { depth: 50, showHidden: true });
      for (const part of [secret, "BEGIN PRIVATE"]) assert(!shown.includes(part), shown);
      assertEquals(wrong.message.split("\n").length, 1);
    }
  }));

Deno.test({
  name: "kafkaFromEnvironment names the variable that the program may not read",
  permissions: { env: ["KAFKA_BROKERS"] },
  fn: () => {
    const { wrong } = kafkaFromEnvironment();
    assertEquals(wrong?.message, "KAFKA_SSL: may not be read: give the program --allow-env for it");
  },
});
