/**
 * Faults a test orders: what is to happen to the next requests of the system under test.
 * @module
 */
import type { EmbeddedKafka } from "../link/embedded/embedded.ts";
import { delay, error, type Fault, late, loseAnswer, never, refuse } from "../link/embedded/faults.ts";
import type { ApiName } from "../link/protocol.ts";

interface Order {
  readonly api: ApiName;
  readonly fault: Fault;
  times: number;
}

/**
 * Orders faults by the name of the Kafka request they hit. Each hits the next `times` such requests, 1 by default
 * (Infinity: until {@linkcode TestFaults.clear}); what was ordered first comes first.
 *
 * @example A commit whose answer is lost, and a broker that refuses the next two Produce requests
 * ```ts
 * import { actor, event } from "@troupe/troupe";
 * import { ErrorCode, TestSystem } from "@troupe/troupe/testing";
 *
 * const Ping = event({ name: "Ping", topic: "pings" });
 * const Pong = event({ name: "Pong", topic: "pongs" });
 * const player = actor({
 *   name: "player",
 *   receives: [Ping],
 *   publishes: [Pong],
 *   receive: (ping, context) => context.publish(Pong, ping),
 * });
 *
 * await using test = await TestSystem.start({ actors: [player] });
 * test.faults.loseAnswer("OffsetCommit");
 * test.faults.error("Produce", ErrorCode.NOT_LEADER_OR_FOLLOWER, 2);
 * await test.publish(Ping, new Uint8Array([1]));
 * await test.expect(Pong);
 * await test.handled();
 * ```
 */
export class TestFaults {
  #orders: Order[] = [];

  /** Of this Kafka. */
  constructor(private readonly kafka: EmbeddedKafka) {}

  /** The connection ends, and the request is not applied. */
  refuse(api: ApiName, times?: number): void {
    this.#order(api, refuse, times);
  }

  /** The request is applied, and the connection ends before its answer comes. */
  loseAnswer(api: ApiName, times?: number): void {
    this.#order(api, loseAnswer, times);
  }

  /** The request is applied `ms` milliseconds later, and all that follow it on its connection after it. */
  delay(api: ApiName, ms: number, times?: number): void {
    this.#order(api, delay(ms), times);
  }

  /** The request is applied at once, and its answer comes `ms` milliseconds later. */
  late(api: ApiName, ms: number, times?: number): void {
    this.#order(api, late(ms), times);
  }

  /** The request is not applied, and answered with one of Kafka's error codes, see {@linkcode ErrorCode}. */
  error(api: ApiName, code: number, times?: number): void {
    this.#order(api, error(code), times);
  }

  /** The request is neither applied nor answered: it runs into the client's time-out. */
  never(api: ApiName, times?: number): void {
    this.#order(api, never, times);
  }

  /** The broker is away: connections end, new ones are refused. What it has stored stays. */
  stopBroker(): void {
    this.kafka.stop();
  }

  /** The broker is back. */
  startBroker(): void {
    this.kafka.start();
  }

  /** Takes back whatever was ordered and has not happened; a broker that is away is back. */
  clear(): void {
    this.#orders = [];
    this.kafka.start();
  }

  /** Faults that were ordered and have not happened yet. */
  get pending(): number {
    return this.#orders.reduce((sum, { times }) => sum + times, 0);
  }

  /**
   * What happens to this request: for the system under test.
   * @internal
   */
  take(api: ApiName): Fault | null {
    const order = this.#orders.find((order) => order.api === api);
    if (order === undefined) return null;
    if (--order.times <= 0) this.#orders.splice(this.#orders.indexOf(order), 1);
    return order.fault;
  }

  #order(api: ApiName, fault: Fault, times = 1): void {
    if (times > 0) this.#orders.push({ api, fault, times });
  }
}
