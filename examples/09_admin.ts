// Looking after topics and groups: a topic is made, read to its end by an actor, and its group is set back to read all of
// it again. Against a real Kafka it is the same program with kafka({ brokers }).
import { actor, ActorSystem, Admin, embedded, event, GroupError } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ invoice: z.number() });
const Sent = event({ name: "Sent", topic: "invoices", schema, key: ({ invoice }) => String(invoice) });

const broker = embedded();
await using admin = await Admin.connect(broker);
await admin.createTopics([{ name: "invoices", partitions: 2, configs: { "retention.ms": 7 * 24 * 3_600_000 } }]);
const [{ partitions, configs }] = await admin.describeTopics(["invoices"]);
console.log(`${partitions.length} partitions, kept for ${configs["retention.ms"]} ms`);

const done = Promise.withResolvers<void>();
let received = 0;
const archive = actor({
  name: "archive",
  receives: [Sent],
  receive: () => {
    if (++received === 10) done.resolve();
  },
});

const system = await ActorSystem.start({ actors: [archive], broker, logLevel: "warn" });
for (let invoice = 1; invoice <= 10; invoice++) await system.publish(Sent, { invoice });
await done.promise;
const { state, members } = await admin.describeGroup("archive");
console.log(`${state}: ${members.length} member of archive holds ${members[0].partitions.length} partitions`);
try {
  await admin.resetOffsets("archive", { to: "earliest" });
} catch (error) {
  if (error instanceof GroupError) console.log(`not now: ${error.type}`); // its message says what to do
}
await system.stop();

console.log(`behind by ${(await admin.groupLag("archive")).total}`);
for (const { topic, partition, to } of await admin.resetOffsets("archive", { to: "earliest", dryRun: true })) {
  console.log(`${topic}/${partition} would go back to ${to}`);
}
await admin.resetOffsets("archive", { to: "earliest" });
console.log(`behind by ${(await admin.groupLag("archive")).total}`);
