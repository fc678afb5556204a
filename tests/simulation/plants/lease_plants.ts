/**
 * Bugs of leases: who works on after its time, when processes freeze, die and come again, and clocks jump.
 * @module
 */
import { type Plant, plant } from "./plant.ts";

/** See the module. */
export const leasePlants: ReadonlyArray<Plant> = [
  plant(
    "no lease is looked at before a batch is sent",
    254,
    "src/client/produce/dispatcher.ts",
    'return batch.leases.length === 0 ? "valid" :',
    'return batch.leases.length < 1e9 ? "valid" :',
  ),
  plant(
    "a batch is sent under a lease in doubt",
    436,
    "src/client/produce/dispatcher.ts",
    '"valid" : batch.leaseState(now, sent);',
    '"valid" : batch.leaseState(now, sent) === "fenced" ? "fenced" : "valid";',
  ),
  plant(
    "work begins under a lease in doubt",
    16,
    "src/runtime/incarnation.ts",
    'if (lease.state(now) === "valid") return true;',
    'if (lease.state(now) !== "fenced") return true;',
  ),
  plant(
    "a retry begins under a lease in doubt",
    104,
    "src/runtime/lane.ts",
    "while (!partition.lease.held()) {",
    "while (partition.lease.fenced) {",
  ),
  plant(
    "a lease lasts longer than the session",
    91,
    "src/client/group/member_options.ts",
    "deadlineMargin: options.deadlineMargin ?? sessionTimeout / 10",
    "deadlineMargin: options.deadlineMargin ?? -sessionTimeout",
  ),
  plant(
    "newer protocol: a lease lasts longer than the session",
    36,
    "src/client/group/consumer_member.ts",
    "deadlineMargin: options.deadlineMargin ?? sessionTimeout / 10",
    "deadlineMargin: options.deadlineMargin ?? -sessionTimeout",
  ),
  plant(
    "the answer to a join counts as a sign of life",
    254,
    "src/client/group/group_session.ts",
    "      membership.generation = answer.generationId;\n",
    "      membership.generation = answer.generationId;\n      this.#counted(monotonicMs(this.clock));\n",
  ),
  plant(
    "a lease goes by the wall clock",
    36,
    "src/fiber/monotonic.ts",
    "return Number(clock.monotonicTimeNanosUnsafe()) / 1e6;",
    "return clock.currentTimeMillisUnsafe();",
  ),
  plant(
    "an expelled member keeps what it held",
    68,
    "src/client/group/member.ts",
    "        this.session.forget(error.code === ErrorCode.ILLEGAL_GENERATION);\n        return this.#holdings.lose;",
    "        this.session.forget(error.code === ErrorCode.ILLEGAL_GENERATION);\n        return Effect.void;",
  ),
  plant(
    "what is lost is committed as if it was revoked",
    0,
    "src/client/offsets/group_offsets.ts",
    "generation < 0 || over()",
    "generation < 0",
  ),
  plant(
    "an asynchronous function has no time-out",
    62,
    "src/runtime/answer.ts",
    "    const deadline = this.deadlines.watch(() => settle(timedOut));\n    this.#abandoned",
    "    const deadline = this.deadlines.watch(() => {});\n    this.#abandoned",
  ),
  plant(
    "an answer counts that comes after its time-out",
    2,
    "src/runtime/answer.ts",
    "      if (!this.#abandoned.delete(abandoned)) return; // too late\n",
    "      this.#abandoned.delete(abandoned);\n",
  ),
  plant(
    "a broker that dies forgets what was committed",
    55,
    "src/link/embedded/log/file_journal.ts",
    "    committed: (groupId, offsets) => append(Kind.committed, { groupId, offsets }),",
    "    committed: () => {},",
  ),
  plant(
    "a broker that dies gives producer ids away again",
    32,
    "src/link/embedded/log/file_journal.ts",
    "    producerIdsBelow: (next) => append(Kind.producerIds, { next: String(next) }),",
    "    producerIdsBelow: () => {},",
  ),
  plant(
    "newer protocol: a member that is fenced keeps what it held",
    39,
    "src/client/group/consumer_holdings.ts",
    "return all.length === 0 ? Effect.void : this.listener.lost(all.map(named));",
    "return all.length > 1 ? Effect.void : this.listener.lost(all.map(named));",
  ),
  plant(
    "a topic that grows is not noticed",
    7645,
    "src/client/group/group_watch.ts",
    "if (changed && (this.leads || late)) this.changed();",
    "if (changed && late === null) this.changed();",
  ),
  plant(
    "a broker that dies forgets that a topic has grown",
    253,
    "src/link/embedded/log/file_journal.ts",
    "    topicGrown: (name, partitions) => append(Kind.topicGrown, { name, partitions }),",
    "    topicGrown: () => {},",
  ),
];
