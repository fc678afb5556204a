/**
 * Requests that neither our client nor kafkajs has, written by hand: elections, quotas, a group's coordinator.
 * @module
 */
import type { KafkaCluster } from "../../tools/kafka/cluster.ts";

/** Asks whichever broker runs. */
export class BrokerRequests {
  /** Nothing is opened before a request. */
  constructor(readonly cluster: KafkaCluster) {}

  /** ElectLeaders 1: the preferred replica of these partitions leads. */
  async electLeaders(topic: string, partitions: ReadonlyArray<number>): Promise<void> {
    const body = new Body().int8(0).array([topic], (body, name) => {
      body.string(name).array(partitions, (body, partition) => body.int32(partition));
    }).int32(10_000);
    await this.#ask(43, 1, body);
  }

  /** FindCoordinator 0: the node id of a group's coordinator, or -1. */
  async coordinator(group: string): Promise<number> {
    const answer = await this.#ask(10, 0, new Body().string(group));
    return answer.getInt16(4) === 0 ? answer.getInt32(6) : -1;
  }

  /** AlterClientQuotas 0: bytes a second a client id may produce; null takes the quota away. */
  async produceQuota(clientId: string, bytesPerSecond: number | null): Promise<void> {
    const body = new Body().array([clientId], (body, name) => {
      body.array(["client-id"], (body, type) => body.string(type).string(name));
      body.array(["producer_byte_rate"], (body, key) => {
        body.string(key).float64(bytesPerSecond ?? 0).int8(bytesPerSecond === null ? 1 : 0);
      });
    }).int8(0);
    const answer = await this.#ask(49, 0, body);
    const errorCode = answer.getInt16(12);
    if (errorCode !== 0) throw new Error(`the quota of ${clientId} can't be set: error ${errorCode}`);
  }

  /** Sends one request on a connection of its own; answers what comes after the length. */
  async #ask(apiKey: number, version: number, body: Body): Promise<DataView> {
    const frame = new Body().int16(apiKey).int16(version).int32(1).string("faults").append(body).framed();
    let failure: unknown = new Error("no broker runs");
    for (const node of this.cluster.nodes) {
      if (!node.running) continue;
      let timer: ReturnType<typeof setTimeout> | undefined;
      try {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: node.port });
        timer = setTimeout(() => connection.close(), 15_000);
        try {
          await connection.write(frame);
          const length = new DataView((await readFully(connection, 4)).buffer).getInt32(0);
          return new DataView((await readFully(connection, length)).buffer);
        } finally {
          clearTimeout(timer);
          connection.close();
        }
      } catch (cause) {
        failure = cause;
      }
    }
    throw failure;
  }
}

async function readFully(connection: Deno.TcpConn, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = await connection.read(bytes.subarray(at));
    if (read === null) throw new Error("the broker closed the connection");
    at += read;
  }
  return bytes;
}

/** The bytes of a request, in the encoding without compact fields. */
class Body {
  readonly #bytes: Array<number> = [];

  int8(value: number): this {
    this.#bytes.push(value & 0xff);
    return this;
  }

  int16(value: number): this {
    return this.int8(value >> 8).int8(value);
  }

  int32(value: number): this {
    return this.int16(value >> 16).int16(value);
  }

  float64(value: number): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    this.#bytes.push(...new Uint8Array(view.buffer));
    return this;
  }

  string(value: string): this {
    const text = new TextEncoder().encode(value);
    this.int16(text.length).#bytes.push(...text);
    return this;
  }

  array<T>(values: ReadonlyArray<T>, write: (body: this, value: T) => void): this {
    this.int32(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  append(body: Body): this {
    this.#bytes.push(...body.#bytes);
    return this;
  }

  framed(): Uint8Array {
    return Uint8Array.from([...new Body().int32(this.#bytes.length).#bytes, ...this.#bytes]);
  }
}
