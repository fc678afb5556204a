/**
 * Faults of brokers and of the ways to them.
 * @module
 */
import type { ClusterNode } from "../../tools/kafka/cluster.ts";
import type { Fault, Run } from "./fault.ts";
import { sleep } from "./site.ts";

/** Kafka's number of Produce. */
const produce = 0;

/** The faults, in the order of the table. */
export const brokerFaults: ReadonlyArray<Fault> = [
  {
    name: "none",
    what: "nothing, for comparison",
    strike: () => sleep(5_000),
  },
  {
    name: "leader-moves",
    what: "24 partition leaders move to another replica, all brokers well",
    strike: async (run) => {
      for (let i = 0; i < 4; i++) {
        await run.site.moveLeaders(run.topic);
        await run.acknowledged(400);
      }
    },
  },
  {
    name: "sigterm",
    what: "SIGTERM to a broker that leads, started again",
    strike: (run) => gone(run, (node) => node.stop(), () => leaderBesideCoordinator(run)),
  },
  {
    name: "sigkill",
    what: "SIGKILL to a broker that leads, started again",
    strike: (run) => gone(run, (node) => node.kill(), () => leaderBesideCoordinator(run)),
  },
  {
    name: "coordinator",
    what: "SIGKILL to the group's coordinator, started again",
    strike: (run) => gone(run, (node) => node.kill(), () => run.site.coordinator(run.group)),
  },
  {
    name: "frozen-broker",
    what: "a broker that leads is frozen (SIGSTOP) for 20 s, beyond its session with the controllers",
    strike: async (run) => {
      const node = await leaderBesideCoordinator(run);
      node.freeze();
      await sleep(20_000);
      node.thaw();
      await run.site.inSync(run.topic);
    },
  },
  {
    name: "frozen-member",
    what: "one of two members is frozen (SIGSTOP) for 15 s, beyond its session of 10 s",
    consumers: 2,
    strike: async (run) => {
      run.consumers[0].send("SIGSTOP");
      await run.noteCommitted();
      await sleep(15_000);
      run.consumers[0].send("SIGCONT");
      await run.acknowledged(2_000);
    },
  },
  {
    name: "killed-member",
    what: "one of two members is killed (SIGKILL)",
    consumers: 2,
    strike: async (run) => {
      run.consumers[0].send("SIGKILL");
      await run.noteCommitted();
      await sleep(12_000);
      await run.acknowledged(400);
    },
  },
  {
    name: "lost-answers",
    what: "1,000 Produce requests of which the connection was cut: before the answer, or right behind the request",
    rate: 1_000,
    strike: (run) => loseAnswers(run, 1_000),
  },
  {
    name: "slow-link",
    what: "every request and answer takes 300 ms more, 50 KB/s each way, for 15 s",
    strike: async (run) => {
      for (const proxy of run.site.proxies) [proxy.delay, proxy.bandwidth] = [300, 50_000];
      await sleep(15_000);
      for (const proxy of run.site.proxies) [proxy.delay, proxy.bandwidth] = [0, Infinity];
    },
  },
  {
    name: "black-hole",
    what: "the way to a broker that leads swallows everything for 20 s; connections stay open",
    strike: async (run) => {
      const node = await leaderBesideCoordinator(run);
      const proxy = run.site.proxies[node.nodeId - 1];
      proxy.blackHole = true;
      await sleep(20_000);
      proxy.blackHole = false;
    },
  },
  {
    name: "not-enough-replicas",
    what: "two of three brokers stopped (SIGTERM) for 10 s",
    strike: async (run) => {
      const [first, second] = run.site.cluster.nodes;
      await first.stop();
      await second.stop();
      await sleep(10_000);
      await Promise.all([first.start(), second.start()]);
    },
  },
  {
    name: "throttled",
    what: "a quota of 40 KB/s where 200 KB/s are published, for 15 s",
    rate: 400,
    size: 500,
    strike: async (run) => {
      await run.site.requests.produceQuota("faults", 40_000);
      await sleep(15_000);
      await run.site.requests.produceQuota("faults", null);
    },
  },
];

/** Ends a broker; after 5 s it is started again. */
async function gone(run: Run, end: (node: ClusterNode) => Promise<void>, choose: () => Promise<ClusterNode>) {
  const node = await choose();
  await end(node);
  await sleep(5_000);
  await node.start();
  await run.site.inSync(run.topic);
}

async function leaderBesideCoordinator(run: Run): Promise<ClusterNode> {
  return await run.site.leader(run.topic, await run.site.coordinator(run.group));
}

/**
 * Cuts connections at Produce requests until so many were: every second one that comes to a broker, in turn before its answer
 * and right behind the request. The one after it passes, or nothing would ever be acknowledged.
 */
export async function loseAnswers(run: Run, count: number): Promise<string> {
  let answers = 0;
  let requests = 0;
  const left = () => answers + requests < count;
  for (const proxy of run.site.proxies) {
    let turn = 0;
    let doomed = false;
    proxy.request = ({ apiKey }) => {
      if (apiKey !== produce || !left()) return "pass";
      turn = (turn + 1) % 4;
      doomed = turn === 1;
      if (turn !== 3) return "pass";
      requests++;
      return "pass and cut";
    };
    proxy.answer = ({ apiKey }) => {
      if (apiKey !== produce || !doomed) return "pass";
      doomed = false;
      answers++;
      return "cut";
    };
  }
  while (left()) await sleep(20);
  for (const proxy of run.site.proxies) {
    proxy.request = () => "pass";
    proxy.answer = () => "pass";
  }
  return `${answers} answers lost, ${requests} connections cut behind a request`;
}
