import { Effect } from "effect";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { behaviours } from "./behaviours.ts";
import { Context } from "./context.ts";

for (const { name, check } of behaviours) {
  realKafkaTest(name, (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      yield* check(new Context(yield* makeKafkajsLink({ brokers }), freshName));
    }))));
}
