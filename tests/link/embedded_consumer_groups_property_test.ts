/** Whatever members of a newer group do, and whichever answers get lost, no partition has two holders. */
import { consumerGroupHeartbeat } from "../../src/link/embedded/groups/consumer_group_requests.ts";
import { Groups } from "../../src/link/embedded/groups/groups.ts";
import type { Moment } from "../../src/link/embedded/moment.ts";
import { Topics } from "../../src/link/embedded/topics.ts";
import { assert, assertEquals } from "../assert.ts";

const sessionTimeout = 1_000;

/** A member that does what it says: it holds what it was given until it has let go. */
class Member {
  epoch = 0;
  readonly holds = new Set<string>();
  /** What it was told to hold. */
  told: ReadonlySet<string> = new Set();
  heard = 0;
  /** What it said last that it holds. */
  reported = "";
  /** Whether it has to say everything anew, as an answer may have been lost. */
  unsure = true;

  constructor(readonly id: string, readonly groupInstanceId: string | null) {}

  /** Starts again with nothing. */
  fence(): void {
    this.epoch = 0;
    this.holds.clear();
    this.told = new Set();
    this.unsure = true;
  }
}

/** A group and its members, driven by a seed. */
class World {
  now = 0;
  readonly topics = new Topics();
  readonly groups: Groups;
  readonly members: Array<Member> = [];
  #state: number;
  #names = 0;

  constructor(seed: number) {
    this.#state = seed;
    const assignmentInterval = seed % 3 === 0 ? 300 : 0;
    this.groups = new Groups(this.topics, { heartbeatInterval: 100, sessionTimeout, assignmentInterval });
    this.topics.create("topic", "0".repeat(31) + "1", 1 + this.below(12), {});
  }

  get moment(): Moment {
    return { monotonic: this.now, wall: this.now, random: () => this.random() };
  }

  random(): number {
    this.#state = Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((this.#state ^ (this.#state >>> 13)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  step(): void {
    const member = this.members[this.below(this.members.length)];
    const choice = this.random();
    if (member === undefined || (choice < 0.05 && this.members.length < 6)) return this.start();
    if (choice < 0.07) return this.end(member);
    if (choice < 0.08) return this.grow();
    if (choice < 0.2) return this.pass(this.below(300));
    if (choice < 0.4) return this.letGo(member);
    this.beat(member, this.random() < 0.15);
  }

  /** A process starts, or a static member's starts again. */
  start(): void {
    const name = `name-${this.below(3)}`;
    const taken = this.members.some(({ groupInstanceId }) => groupInstanceId === name);
    this.members.push(new Member(`member-${++this.#names}`, taken || this.random() < 0.5 ? null : name));
  }

  /** It leaves, for good or for a while, or is killed. */
  end(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    if (member.epoch === 0 || this.random() < 0.3) return;
    this.heartbeat(member, member.groupInstanceId !== null && this.random() < 0.5 ? -2 : -1);
  }

  grow(): void {
    const topic = this.topics.get("topic");
    if (topic !== undefined && topic.partitions.length < 20) this.topics.grow(topic, topic.partitions.length + 1);
  }

  pass(ms: number): void {
    this.now += ms;
    // Who has not been heard of for so long has to take it that it is out.
    for (const member of this.members) if (this.now - member.heard >= sessionTimeout) member.fence();
  }

  letGo(member: Member): void {
    for (const held of member.holds) if (!member.told.has(held)) member.holds.delete(held);
  }

  beat(member: Member, isLost: boolean): void {
    const { errorCode, memberEpoch, assignment } = this.heartbeat(member, member.epoch);
    if (isLost) {
      member.unsure = true;
      return;
    }
    if (errorCode !== 0) return member.fence();
    member.unsure = false;
    member.epoch = memberEpoch;
    member.heard = this.now;
    if (assignment === null) return;
    member.told = new Set(assignment.flatMap(({ partitions }) => partitions.map(String)));
    for (const held of member.told) member.holds.add(held);
  }

  heartbeat(member: Member, memberEpoch: number) {
    const whole = member.unsure || memberEpoch === 0;
    return consumerGroupHeartbeat(this.groups, {
      groupId: "g",
      memberId: member.id,
      memberEpoch,
      groupInstanceId: member.groupInstanceId,
      rackId: null,
      rebalanceTimeoutMs: whole ? 600_000 : -1,
      subscribedTopicNames: whole ? ["topic"] : null,
      serverAssignor: null,
      topicPartitions: this.#report(member, whole),
    }, this.moment);
  }

  /** What it holds; null where that is what it said before. */
  #report(member: Member, whole: boolean) {
    const before = member.reported;
    member.reported = [...member.holds].sort().join();
    if (!whole && before === member.reported) return null;
    const partitions = [...member.holds].map(Number);
    return partitions.length === 0 ? [] : [{ topicId: "0".repeat(31) + "1", partitions }];
  }

  check(): void {
    const held = new Set<string>();
    for (const { holds } of this.members) {
      for (const partition of holds) assert(!held.has(partition), `${partition} has two holders`);
      for (const partition of holds) held.add(partition);
    }
  }
}

Deno.test("no partition of a newer group ever has two holders, and in the calm all are shared out evenly", () => {
  for (let seed = 1; seed <= 120; seed++) {
    const world = new World(seed);
    try {
      for (let step = 0; step < 250; step++) {
        world.step();
        world.check();
      }
      if (world.members.length === 0) world.start();
      for (let round = 0; round < 40; round++) {
        for (const member of world.members) {
          world.letGo(member);
          world.beat(member, false);
          world.check();
        }
        world.pass(100);
      }
      const loads = world.members.map(({ holds }) => holds.size);
      const partitions = world.topics.get("topic")?.partitions.length;
      assertEquals(loads.reduce((sum, load) => sum + load, 0), partitions, "not all have a holder");
      assert(Math.max(...loads) - Math.min(...loads) <= 1, `uneven: ${loads}`);
      assertEquals(new Set(world.members.map(({ epoch }) => epoch)).size, 1, "not all are of one epoch");
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
});
