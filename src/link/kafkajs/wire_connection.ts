/**
 * One connection to one broker: our requests over kafkajs' socket, from its opening to its end.
 * @module
 */
import { Effect } from "effect";
import { ConnectionError } from "../../errors.ts";
import type { BrokerAddress, Connection, Role } from "../link.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import { answerReader, decodeApiVersions, encodeApiVersions, encodeRequest, type Versions } from "./codecs.ts";
import { lengthFault, openingFault, type Phase } from "./faults.ts";
import { FrameGuard } from "./frame_guard.ts";
import type { ConnectionFactory, KafkajsConnection } from "./internals.ts";
import type { LinkSettings } from "./options.ts";
import { Malformed } from "./reader.ts";
import { Reply } from "./reply.ts";
import { openSocket } from "./socket.ts";
import { codecFor, saslAuthenticate, wantedBy } from "./versions.ts";

/** No broker answers with more (its own limit for requests is 100 MiB); far less until it has shown its versions. */
const longestAnswer = 128 * 1024 * 1024;
const longestGreeting = 64 * 1024;

/** One life of a connection: made, opened once, ended once. */
export class WireConnection implements Connection {
  readonly #connection: KafkajsConnection;
  readonly #guard: FrameGuard = new FrameGuard(longestGreeting);
  readonly #broker: string;
  #versions: Versions = new Map();
  #phase: Phase | "open" | "ended" = "connecting";
  /** Why it ended. */
  #fault: ConnectionError | null = null;
  /** Who waits for the present step of the opening. */
  #opening: Reply<void, ConnectionError> | null = null;
  #socketGone: Reply<void, never> | null = null;

  /** Makes it without doing anything yet. */
  constructor(readonly address: BrokerAddress, readonly settings: LinkSettings, make: ConnectionFactory) {
    const { host, port } = address;
    this.#broker = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    this.#connection = make({
      host,
      port,
      clientId: settings.clientId,
      ssl: settings.ssl,
      sasl: settings.sasl === null ? null : { ...settings.sasl }, // kafkajs writes into it
      connectionTimeout: settings.connectionTimeout * 2, // ours comes first, and covers the whole opening
      socketFactory: (request) => {
        const gone = this.#socketGone = new Reply<void, never>();
        return openSocket(request)
          // Before kafkajs, which then finds it ended: whoever hears of it sees a closed connection.
          .once("end", () => this.#end(this.#broken(closedByBroker)))
          .once("error", (cause: Error) => this.#end(this.#broken(cause)))
          .once("close", () => {
            this.#end(this.#broken(closedByBroker));
            gone.settle(Effect.void);
          });
      },
    });
    this.#guardAnswers();
  }

  /** Puts our checks before kafkajs sees any bytes, and between it and the requests under way. */
  #guardAnswers(): void {
    const { requestQueue: queue, processData } = this.#connection;
    const { fulfillRequest } = queue;
    this.#connection.processData = (chunk) => {
      if (this.#phase === "ended") return;
      const length = this.#guard.refuses(chunk);
      if (length !== null) return this.#end(lengthFault(this.#broker, length, this.settings));
      processData.call(this.#connection, chunk);
    };
    queue.fulfillRequest = (answer) => {
      if (this.#phase === "ended") return;
      if (queue.inflight.has(answer.correlationId)) return fulfillRequest.call(queue, answer);
      this.#end(this.#malformed(`an answer to request ${answer.correlationId}, which was never asked`));
    };
  }

  /** Opens the socket, asks for the versions, authenticates; to be run once. Fails if the role's APIs can't be had. */
  readonly open: (role: Role) => Effect.Effect<void, ConnectionError> = (role) =>
    this.#step("connecting", () => this.#connection.connect()).pipe(
      Effect.andThen(Effect.suspend(() => this.#greet(role))),
      Effect.andThen(
        Effect.suspend(() =>
          this.settings.sasl === null
            ? Effect.void
            : this.#step("authenticating", () => this.#connection.authenticate())
        ),
      ),
      Effect.andThen(Effect.sync(() => {
        this.#opening = null;
        this.#phase = "open";
      })),
      Effect.timeoutOrElse({
        duration: this.settings.connectionTimeout,
        orElse: () => {
          const detail = `not open after ${this.settings.connectionTimeout} ms (${this.#phase})`;
          return this.#failWith(new ConnectionError(this.#broker, "timeout", detail));
        },
      }),
    );

  /** One step of the opening: ends with the promise, or as soon as the connection ends. */
  #step(phase: Phase, start: () => Promise<unknown>): Effect.Effect<void, ConnectionError> {
    return Effect.suspend(() => {
      if (this.#fault !== null) return Effect.fail(this.#fault);
      this.#phase = phase;
      const reply = this.#opening = new Reply<void, ConnectionError>();
      start().then(
        () => reply.settle(Effect.void),
        (cause: unknown) => this.#end(openingFault(this.#broker, phase, cause, this.settings)),
      );
      return reply.wait;
    });
  }

  /** Asks which versions the broker knows, and compares them with what the role will ask for. */
  #greet(role: Role): Effect.Effect<void, ConnectionError> {
    this.#phase = "versions";
    const correlationId = this.#connection.nextCorrelationId();
    const frame = encodeApiVersions(correlationId, this.settings.clientId);
    const greeting = this.#send("ApiVersions", 18, 0, correlationId, frame, decodeApiVersions);
    return Effect.flatMap(greeting.wait, ({ errorCode, versions }) => {
      if (errorCode !== 0) return this.#failWith(this.#malformed(`error ${errorCode} in place of its versions`));
      this.#versions = versions;
      this.#guard.limit = longestAnswer;
      this.#connection.setVersions(
        Object.fromEntries([...versions].map(([key, { min, max }]) => [key, { minVersion: min, maxVersion: max }])),
      );
      this.#connection.setSupportAuthenticationProtocol(versions.has(saslAuthenticate));
      for (const api of wantedBy[role]) {
        const codec = codecFor(api, versions);
        if (typeof codec === "string") return this.#failWith(new ConnectionError(this.#broker, "unsupported", codec));
      }
      return Effect.void;
    });
  }

  /** True from the end of the opening to the end of the connection. */
  readonly isOpen = (): boolean => this.#phase === "open";

  /** Runs one request; see `Connection`. */
  readonly call = <A extends ApiName>(
    api: A,
    request: Request<A>,
    timeout: number = this.settings.requestTimeout,
  ): Effect.Effect<Answer<A>, ConnectionError> =>
    Effect.suspend(() => {
      if (this.#phase !== "open") return Effect.fail(this.#closed(this.#fault?.message ?? "it was never opened"));
      const codec = codecFor(api, this.#versions, request);
      if (typeof codec === "string") return Effect.fail(new ConnectionError(this.#broker, "unsupported", codec));
      const correlationId = this.#connection.nextCorrelationId();
      const frame = encodeRequest(codec, request, correlationId, this.settings.clientId);
      const unanswered = codec.unanswered?.(request);
      const reply = this.#send(api, codec.key, codec.version, correlationId, frame, (payload) => {
        const reader = answerReader(payload, codec.flexible);
        const answer = codec.read(reader, request);
        if (reader.left > 0) throw new Malformed(`${reader.left} bytes too many`);
        return answer;
      }, unanswered);
      return Effect.timeoutOrElse(reply.wait, {
        duration: timeout,
        orElse: () => {
          const late = `${api} had no answer within ${timeout} ms`;
          this.#end(this.#closed(late));
          return Effect.fail(new ConnectionError(this.#broker, "timeout", late));
        },
      });
    });

  /** Puts a request on the wire, now. With `unanswered`, that is the answer as soon as it is written. */
  #send<T>(
    apiName: string,
    apiKey: number,
    apiVersion: number,
    correlationId: number,
    frame: Uint8Array,
    decode: (payload: Uint8Array) => T,
    unanswered?: T,
  ): Reply<T, ConnectionError> {
    const reply = new Reply<T, ConnectionError>();
    const { requestQueue, socket } = this.#connection;
    requestQueue.push({
      expectResponse: unanswered === undefined,
      sendRequest: () => socket?.write(frame),
      entry: {
        apiKey,
        apiVersion,
        apiName,
        correlationId,
        resolve: ({ payload }) => {
          if (payload === null) {
            return reply.settle(unanswered === undefined ? Effect.never : Effect.succeed(unanswered));
          }
          let answer: T;
          try {
            answer = decode(payload);
          } catch (cause) {
            const fault = this.#malformed(`${apiName}: ${cause instanceof Error ? cause.message : cause}`);
            this.#end(fault);
            return reply.settle(Effect.fail(fault));
          }
          reply.settle(Effect.succeed(answer));
        },
        reject: () => reply.settle(Effect.fail(this.#fault ?? this.#closed("it ended"))),
      },
    });
    return reply;
  }

  /** Ends it: nothing is sent or heard any more, everything that waits fails with `fault`. Later ends have no effect. */
  #end(fault: ConnectionError): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#fault = fault;
    this.#opening?.settle(Effect.fail(fault));
    // With an error, as kafkajs clears the timer of a connect under way only in its error handler.
    this.#connection.socket?.destroy(fault);
    void this.#connection.disconnect();
  }

  /** Ends it at once and waits for the socket to be gone. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#end(this.#closed("closed by this client"));
    return this.#socketGone?.wait ?? Effect.void;
  });

  #failWith(error: ConnectionError): Effect.Effect<never, ConnectionError> {
    this.#end(error);
    return Effect.fail(error);
  }

  #broken(cause: Error): ConnectionError {
    if (this.#phase !== "open" && this.#phase !== "ended") {
      return openingFault(this.#broker, this.#phase, cause, this.settings);
    }
    return this.#closed(cause.message, cause);
  }

  #closed(detail: string, cause?: Error): ConnectionError {
    return new ConnectionError(this.#broker, "closed", detail, { cause });
  }

  #malformed(detail: string): ConnectionError {
    return new ConnectionError(this.#broker, "malformed", detail);
  }
}

const closedByBroker = Object.assign(new Error("the broker closed the connection"), { code: "ECONNRESET" });
