/**
 * Bugs of the client: sequence numbers, answers, memberships, positions.
 * @module
 */
import { type Plant, plant } from "./plant.ts";

/** See the module. */
export const clientPlants: ReadonlyArray<Plant> = [
  plant(
    "a sequence number is used again after an error",
    2,
    "src/client/produce/produce_partition.ts",
    "    queue.splice(at, 0, batch);",
    "    queue.splice(at, 0, batch);\n    if (batch.attempts > 1) this.#sequence = batch.sequence;",
  ),
  plant(
    "a batch whose answer was lost is numbered anew",
    6,
    "src/client/produce/dispatcher.ts",
    "      this.#land(partition, batch);\n      partition.giveBack(batch);",
    `      this.#land(partition, batch);
      batch.unseal();
      partition.giveBack(batch);`,
  ),
  plant(
    "a batch whose answer was lost goes to the end of the queue",
    233,
    "src/client/produce/produce_partition.ts",
    "    queue.splice(at, 0, batch);",
    "    queue.push(batch);",
  ),
  plant(
    "a batch that is refused counts as stored",
    2,
    "src/client/produce/dispatcher.ts",
    '      case "stored":\n',
    '      case "stored":\n      case "refused":\n',
  ),
  plant(
    "an answer counts twice",
    1,
    "src/client/produce/dispatcher.ts",
    "        return this.accumulator.settle(partition, batch, null, baseOffset);",
    `        this.accumulator.settle(partition, batch, null, baseOffset);
        return this.accumulator.settle(partition, batch, null, baseOffset);`,
  ),
  plant(
    "an answer counts for the batch that was sent last",
    72,
    "src/client/produce/dispatcher.ts",
    "this.#judge(partition, batch, part?.errorCode ?? -1, part?.baseOffset ?? -1, now);",
    `const other = partition.flying.at(-1) ?? batch;
      this.#judge(partition, other, part?.errorCode ?? -1, part?.baseOffset ?? -1, now);`,
  ),
  plant(
    "a repeated batch does not go alone",
    96,
    "src/client/produce/dispatcher.ts",
    "const alone = !partition.proven || !this.settings.idempotent || flying[0].attempts > 1;",
    "const alone = false;",
  ),
  plant(
    "an assignment is taken before the revoke has ended",
    2,
    "src/client/group/group_holdings.ts",
    "      return this.listener.revoked(partitions);",
    "      return Effect.asVoid(Effect.forkDetach(this.listener.revoked(partitions)));",
  ),
  plant(
    "newer protocol: what is let go is not claimed while it is drained",
    137,
    "src/client/group/consumer_holdings.ts",
    `        this.listener.revoked(partitions.map(named)),
        Effect.sync(() => partitions.forEach((held) => this.#held.delete(keyOf(held)))),`,
    `        Effect.sync(() => partitions.forEach((held) => this.#held.delete(keyOf(held)))),
        this.listener.revoked(partitions.map(named)),`,
  ),
  plant(
    "newer protocol: all was lost, and nobody is told",
    27,
    "src/client/group/consumer_holdings.ts",
    "return all.length === 0 ? Effect.void : this.listener.lost(all.map(named));",
    "return Effect.void;",
  ),
  plant(
    "a fetch answer is delivered to one that was removed meanwhile",
    843,
    "src/client/fetch/fetch_answer.ts",
    "if (partition === undefined || !partition.live) continue;",
    "if (partition === undefined) continue;",
  ),
  plant(
    "a fetch answer moves the position one too far",
    1,
    "src/client/fetch/fetch_answer.ts",
    "  partition.position = next;\n  partition.fetched",
    "  partition.position = next + 1;\n  partition.fetched",
  ),
  plant(
    "a partition without a committed offset begins at the end",
    2,
    "src/runtime/positions.ts",
    'from: later || from === undefined ? "earliest" : from }',
    'from: "latest" }',
  ),
  plant(
    "a new owner begins one too far",
    1,
    "src/runtime/positions.ts",
    "known.push({ topic, partition, offset, map,",
    "known.push({ topic, partition, offset: offset + 1, map,",
  ),
  plant(
    "a new producer id goes on with the old numbers",
    0,
    "src/client/produce/produce_partition.ts",
    "    this.proven = false;\n    this.#sequence = 0;\n",
    "    this.proven = false;\n",
  ),
  plant(
    "the position does not move on with a large fetch answer",
    300,
    "src/client/fetch/fetch_answer.ts",
    "  partition.position = next;\n  partition.fetched",
    "  if (part.records.length < 200) partition.position = next;\n  partition.fetched",
  ),
  plant(
    "a pause is forgotten when the leader is looked for anew",
    0,
    "src/client/fetch/fetcher.ts",
    "    const seek = (partition: FetchPartition, due: number): void => {\n",
    "    const seek = (partition: FetchPartition, due: number): void => {\n      partition.paused = false;\n",
  ),
];
