/**
 * Is there a Kafka, and does it know of itself? Asked by hand, in one small request, without any client.
 * @module
 */

/**
 * True when the Kafka at this address answers a Metadata request with at least one broker: it is registered and takes
 * requests. False for everything else, within 2 s.
 */
export async function answers(host: string, port: number): Promise<boolean> {
  let connection: Deno.TcpConn | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    connection = await Deno.connect({ hostname: host, port });
    const socket = connection;
    timer = setTimeout(() => socket.close(), 2_000);
    await socket.write(request);
    const head = new Uint8Array(12);
    for (let read = 0; read < head.length;) {
      const count = await socket.read(head.subarray(read));
      if (count === null) return false;
      read += count;
    }
    // length, correlation id, number of brokers
    const view = new DataView(head.buffer);
    return view.getInt32(4) === 7 && view.getInt32(8) > 0;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    try {
      connection?.close();
    } catch {
      // The timer closed it.
    }
  }
}

// length 16 | Metadata (3), version 1 | correlation id 7 | no client id | no topics: only the brokers
const request = Uint8Array.of(0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0);
