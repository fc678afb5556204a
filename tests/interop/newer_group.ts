/**
 * One group of the protocol where the brokers share out, with members of several clients, which come and go by a script.
 * @module
 */
import { freshName } from "../support/kafka_broker.ts";
import { newerProtocol } from "./host.ts";
import { Ledger } from "./ledger.ts";
import type { Client, Ground, Report, Step } from "./mixed_group.ts";

// Milliseconds for a group to settle, and between two looks.
const patience = 45_000;
const glance = 25;

/** Runs a script in a fresh group; `label` begins the names of its members. Each step is waited for: complete and even. */
export async function runNewerScript(ground: Ground, steps: ReadonlyArray<Step>, label: string): Promise<Report> {
  const group = freshName("interop-newer");
  const ledger = new Ledger();
  const members: Array<{ readonly name: string; readonly client: Client }> = [];
  const lines: Array<string> = [];
  const all = [...ground.topics.values()].reduce((sum, count) => sum + count, 0);
  let total = 0;
  const settled = async () => {
    for (const deadline = performance.now() + patience;;) {
      const loads = members.map(({ name }) => ledger.held(name).length);
      const complete = loads.reduce((sum, load) => sum + load, 0) === all;
      if (complete && Math.max(...loads) - Math.min(...loads) <= 1) return loads;
      if (performance.now() > deadline) throw new Error(`group ${group} does not settle: ${loads}`);
      await new Promise((resolve) => setTimeout(resolve, glance));
    }
  };
  for (const [at, step] of steps.entries()) {
    const began = performance.now();
    let name: string;
    if (step.startsWith("+")) {
      const client = step.slice(1) as Client;
      const host = ground.hosts[client];
      if (host === undefined) throw new Error(`no members of ${client} here`);
      name = `${label}-${client}${at + 1}`;
      const topics = [...ground.topics.keys()];
      host.start({ name, group, assignors: [newerProtocol], topics }, (event) => ledger.note(event));
      members.push({ name, client });
    } else {
      const [gone] = members.splice(Number(step.slice(1)), 1);
      name = gone.name;
      await ground.hosts[gone.client]?.stop(name);
    }
    const loads = await settled();
    const { given, needless } = ledger.look();
    total += given;
    const took = Math.round(performance.now() - began);
    lines.push(`${step[0]}${name}: loads ${loads}, ${given} given, ${needless} among those who stayed, ${took} ms`);
  }
  for (const { name, client } of members) await ground.hosts[client]?.stop(name);
  ledger.look();
  for (const [partition, holder] of ledger.owners) ledger.wrong.push(`${partition}: ${holder} never let it go`);
  return { lines, wrong: ledger.wrong, given: total };
}
