/**
 * One group with members of several clients, which come and go by a script; each step is checked when it has settled.
 * @module
 */
import { assignors } from "../../src/client/group/assignors.ts";
import {
  decodeAssignment,
  decodeSubscription,
  type PartitionsByTopic,
  type Subscription,
} from "../../src/client/group/subscription.ts";
import type { Answer } from "../../src/link/protocol.ts";
import { partitionKey } from "../../src/record.ts";
import { freshName } from "../support/kafka_broker.ts";
import type { MemberHost } from "./host.ts";
import { Ledger } from "./ledger.ts";
import type { OurHost } from "./our_host.ts";

/** A client whose members there are. */
export type Client = "ours" | "java" | "librdkafka";

/** What scripts are run on. */
export interface Ground {
  readonly hosts: Partial<Record<Client, MemberHost>> & { readonly ours: OurHost };
  /** Partitions by topic. */
  readonly topics: ReadonlyMap<string, number>;
  readonly describe: (groupId: string) => Promise<Answer<"DescribeGroups">["groups"][number]>;
}

/** `+client` starts a member of it, `-n` makes the nth of those that are there leave. */
export type Step = `+${Client}` | `-${number}`;

/** Thirteen steps that `first` leads, until it leaves in the eleventh. */
export function script(first: Client, second: Client, third: Client): ReadonlyArray<Step> {
  return [
    ...[`+${first}`, `+${second}`, `+${third}`, `+${first}`, "-1", `+${second}`, `+${third}`, "-2", "-1"] as const,
    ...[`+${third}`, "-0", `+${first}`, `+${second}`] as const,
  ];
}

/** How a run went. */
export interface Report {
  /** One for each step. */
  readonly lines: ReadonlyArray<string>;
  readonly wrong: ReadonlyArray<string>;
  /** Partitions assigned, over all steps. */
  readonly given: number;
}

interface Member {
  readonly name: string;
  readonly client: Client;
}

// Milliseconds for a group to settle: a JVM that shares two cores with others needs its time.
const patience = 30_000;
const glance = 25;

type Described = Answer<"DescribeGroups">["groups"][number]["members"][number];

/** Runs a script in a fresh group; `label` begins the names of its members, of whom some are static if `named`. */
export async function runScript(
  ground: Ground,
  assignor: string,
  steps: ReadonlyArray<Step>,
  label: string,
  named = false,
): Promise<Report> {
  const group = freshName(`interop-${assignor}`);
  const ledger = new Ledger();
  const members: Array<Member> = [];
  const lines: Array<string> = [];
  let total = 0;
  let first: string | undefined;
  for (const [at, step] of steps.entries()) {
    const began = performance.now();
    let name: string;
    let before = 0;
    if (step.startsWith("+")) {
      const client = step.slice(1) as Client;
      name = `${label}-${client}${at + 1}`;
      const topics = [...ground.topics.keys()];
      // Every other one is static; by their ids, which begin with their names, these would come last.
      const instanceId = named && at % 2 === 0 ? `${String.fromCharCode(122 - at)}-${name}` : undefined;
      const host = ground.hosts[client];
      if (host === undefined) throw new Error(`no members of ${client} here`);
      host.start({ name, group, assignors: [assignor], topics, instanceId }, (event) => ledger.note(event));
      members.push({ name, client });
      first ??= name;
    } else {
      const [gone] = members.splice(Number(step.slice(1)), 1);
      name = gone.name;
      before = ledger.held(name).length;
      await ground.hosts[gone.client]?.stop(name);
    }
    const described = await settled(ground, group, members, ledger);
    const took = Math.round(performance.now() - began);
    const { given, needless } = ledger.look();
    total += given;
    const leader = described.find(({ memberId }) => memberId === ground.hosts.ours.leaders.get(group))?.clientId;
    const loads = members.map((member) => ledger.held(member.name).length);
    const where = `${step[0]}${name}`;
    lines.push(
      `${where}: loads ${loads}, ${given} given, ${needless} among those who stayed, led by ${
        leader ?? "?"
      }, ${took} ms`,
    );
    const knows = members.some(({ client }) => client === "ours");
    if (knows && members.some((member) => member.name === first) && leader !== first) {
      ledger.wrong.push(`${where}: led by ${leader}, not by ${first}`);
    }
    if (assignors[assignor].cooperative) {
      // What the new one has now, or what the one that left had: nothing else may have changed hands.
      const due = step.startsWith("+") ? ledger.held(name).length : before;
      if (needless > 0 || given !== due) {
        ledger.wrong.push(`${where}: ${given} given and not ${due}, ${needless} of them needless`);
      }
      if (Math.max(...loads) - Math.min(...loads) > 1) ledger.wrong.push(`${where}: loads ${loads}`);
    } else {
      const expected = assignors[assignor].assign(subscriptions(described), ground.topics);
      for (const { clientId, memberId, assignment } of described) {
        const [is, should] = [partitionsOf(decodeAssignment(assignment)), partitionsOf(expected.get(memberId))];
        if (is.join() !== should.join()) ledger.wrong.push(`${where}: ${clientId} has ${is}, by us it had ${should}`);
      }
    }
  }
  for (const { name, client } of members) await ground.hosts[client]?.stop(name);
  ledger.look();
  for (const [partition, holder] of ledger.owners) ledger.wrong.push(`${partition}: ${holder} never let it go`);
  return { lines, wrong: ledger.wrong, given: total };
}

/** Waits until the group is stable, everything is assigned, and each member says that it holds just that. */
async function settled(
  ground: Ground,
  group: string,
  members: ReadonlyArray<Member>,
  ledger: Ledger,
): Promise<ReadonlyArray<Described>> {
  const all = [...ground.topics].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => partitionKey(topic, partition))
  );
  const deadline = performance.now() + patience;
  for (let why = "";;) {
    const { state, members: described } = await ground.describe(group);
    const given = new Map(described.map((each) => [each.clientId, partitionsOf(decodeAssignment(each.assignment))]));
    why = state !== "Stable"
      ? state
      : described.length !== members.length
      ? `${described.length} members, not ${members.length}`
      : [...given.values()].flat().sort().join() !== all.sort().join()
      ? `not complete: ${[...given]}`
      : members.filter(({ name }) => given.get(name)?.join() !== ledger.held(name).join())
        .map(({ name }) => `${name} has ${ledger.held(name)}, not ${given.get(name)}`).join("; ");
    if (why === "") return described;
    if (performance.now() > deadline) throw new Error(`group ${group} does not settle: ${why}`);
    await new Promise((resolve) => setTimeout(resolve, glance));
  }
}

function subscriptions(described: ReadonlyArray<Described>): ReadonlyMap<string, Subscription> {
  return new Map(described.map(({ memberId, groupInstanceId, metadata }) => [
    memberId,
    { ...decodeSubscription(metadata), instanceId: groupInstanceId },
  ]));
}

function partitionsOf(byTopic: PartitionsByTopic = new Map()): ReadonlyArray<string> {
  return [...byTopic].flatMap(([topic, partitions]) => partitions.map((each) => partitionKey(topic, each))).sort();
}
