/**
 * A group's commits, looked at again and again from outside.
 * @module
 */
import { type Admin, Kafka, logLevel } from "kafkajs";

/** See the module. */
export class Commits implements AsyncDisposable {
  /** Commits that went back. */
  back = 0;
  readonly #last = new Map<number, number>();
  #stopped = false;
  #watching: Promise<void> = Promise.resolve();

  private constructor(private readonly admin: Admin, readonly group: string, readonly topic: string) {}

  /** Watches until disposed of. */
  static async watch(brokers: string, group: string, topic: string): Promise<Commits> {
    const admin = new Kafka({ clientId: "commits", brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const commits = new Commits(admin, group, topic);
    commits.#watching = commits.#watch();
    return commits;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await this.#look().catch(() => {}); // the group's coordinator may be about to be found
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #look(): Promise<void> {
    const [{ partitions }] = await this.admin.fetchOffsets({ groupId: this.group, topics: [this.topic] });
    for (const { partition, offset } of partitions) {
      const now = Number(offset);
      if (now < (this.#last.get(partition) ?? -1)) this.back++;
      this.#last.set(partition, now);
    }
  }

  /** The sum of the last ones seen. */
  get sum(): number {
    return [...this.#last.values()].reduce((sum, offset) => sum + Math.max(0, offset), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#watching;
    await this.admin.disconnect();
  }
}
