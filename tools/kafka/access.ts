/**
 * Says who may do what on a Kafka that keeps access lists: one request, by hand, through the door without a lock.
 * Source: CreateAcls of Apache Kafka's protocol guide.
 * @module
 */

/** One right. */
export interface Right {
  /** Who, as the broker names the one who logged in. */
  readonly user: string;
  /** On what. */
  readonly on: "topic" | "group";
  /** The name it begins with. */
  readonly prefix: string;
  /** What: everything, or one thing. */
  readonly may: "all" | "read" | "write" | "create" | "describe";
}

const resources = { topic: 2, group: 3 };
const operations = { all: 2, read: 3, write: 4, create: 5, describe: 8 };
const prefixed = 4;
const allow = 3;

/** Grants rights. Throws where the broker does not take them. */
export async function grant(broker: string, rights: ReadonlyArray<Right>): Promise<void> {
  const entries = rights.flatMap(({ user, on, prefix, may }) => [
    resources[on],
    ...text(prefix),
    prefixed,
    ...text(`User:${user}`),
    ...text("*"),
    operations[may],
    allow,
  ]);
  // CreateAcls (30), version 1 | correlation id 7 | no client id
  const body = [0, 30, 0, 1, ...int32(7), 0xff, 0xff, ...int32(rights.length), ...entries];
  const [hostname, port] = broker.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(Uint8Array.from([...int32(body.length), ...body]));
  const head = await read(connection, 4);
  const answer = new DataView((await read(connection, new DataView(head.buffer).getInt32(0))).buffer);
  // correlation id, throttle time, number of results; then a code and a message each
  for (let at = 12, left = answer.getInt32(8); left > 0; left--) {
    const code = answer.getInt16(at);
    if (code !== 0) throw new Error(`the rights were not granted: error ${code}`);
    at += 4 + Math.max(0, answer.getInt16(at + 2));
  }
}

function text(value: string): ReadonlyArray<number> {
  const bytes = new TextEncoder().encode(value);
  return [bytes.length >>> 8, bytes.length & 0xff, ...bytes];
}

function int32(value: number): ReadonlyArray<number> {
  return [value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff];
}

async function read(connection: Deno.Conn, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const more = await connection.read(bytes.subarray(at));
    if (more === null) throw new Error("the broker has closed the connection");
    at += more;
  }
  return bytes;
}
