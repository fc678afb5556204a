/**
 * One connection to one broker: our requests over kafkajs' socket, from its opening to its end.
 * @module
 */
import { Deferred, Effect, Exit } from "effect";
import { ConnectionError } from "../../errors.ts";
import type { BrokerAddress, Connection, Role } from "../link.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import { answerReader, decodeApiVersions, encodeApiVersions, encodeRequest, type Versions } from "./requests/codecs.ts";
import { lengthFault, openingFault, type Phase } from "./faults.ts";
import { FrameGuard } from "./frame_guard.ts";
import { Gate } from "./gate.ts";
import type { ConnectionFactory, KafkajsConnection } from "./internals.ts";
import type { LinkSettings } from "./options.ts";
import { Malformed, Reader } from "./requests/reader.ts";
import { Reply } from "./reply.ts";
import { encodeSasl, isLogin, saslAuthenticateKey, type SaslRequest } from "./security/sasl_dialogue.ts";
import { SaslSession } from "./security/sasl_session.ts";
import type { TlsOptions } from "./security/security_options.ts";
import { openSocket } from "./socket.ts";
import { codecFor, wantedBy } from "./requests/versions.ts";

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
  /** Who waits for the socket to open. */
  #connecting: Reply<void, ConnectionError> | null = null;
  /** Several may wait for it: whoever finds the connection dead closes it. */
  #socketGone: Deferred.Deferred<void> | null = null;
  readonly #gate: Gate = new Gate();
  readonly #session: SaslSession | null;
  /** Whether it has answered a call. */
  #heard = false;
  readonly #secure: boolean;

  /** Makes it without doing anything yet; `tls` is null for none. */
  constructor(
    readonly address: BrokerAddress,
    readonly settings: LinkSettings,
    tls: TlsOptions | null,
    make: ConnectionFactory,
  ) {
    const { host, port } = address;
    this.#broker = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    this.#secure = tls !== null;
    const { sasl, connectionTimeout } = settings;
    this.#session = sasl === null ? null : new SaslSession(sasl, this.#ask, this.#gate, connectionTimeout);
    this.#connection = make({
      host,
      port,
      clientId: settings.clientId,
      connectionTimeout: connectionTimeout * 2, // ours comes first, and covers the whole opening
      socketFactory: (request) => {
        const gone = this.#socketGone = Deferred.makeUnsafe<void>();
        return openSocket(request, tls)
          // Before kafkajs, which then finds it ended: whoever hears of it sees a closed connection.
          .once("end", () => this.#end(this.#broken(closedByBroker)))
          .once("error", (cause: Error) => this.#end(this.#broken(cause)))
          .once("close", () => {
            this.#end(this.#broken(closedByBroker));
            Deferred.doneUnsafe(gone, Exit.void);
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
      if (length !== null) return this.#end(lengthFault(this.#broker, length, this.#secure));
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
    this.#enter("connecting").pipe(
      Effect.andThen(this.#connect),
      Effect.andThen(this.#enter("versions")),
      Effect.andThen(Effect.suspend(() => this.#greet(role))),
      Effect.andThen(this.#enter("authenticating")),
      Effect.andThen(Effect.suspend(() => this.#session?.begin ?? Effect.void)),
      Effect.catch((cause) => this.#failWith(openingFault(this.#broker, "authenticating", cause, this.#secure))),
      Effect.andThen(this.#enter("open")),
      Effect.timeoutOrElse({
        duration: this.settings.connectionTimeout,
        orElse: () => {
          const detail = `not open after ${this.settings.connectionTimeout} ms (${this.#phase})`;
          return this.#failWith(new ConnectionError(this.#broker, "timeout", detail));
        },
      }),
    );

  /** Goes on to the next phase, unless it has ended meanwhile. */
  #enter(phase: Phase | "open"): Effect.Effect<void, ConnectionError> {
    return Effect.suspend(() => {
      if (this.#fault !== null) return Effect.fail(this.#fault);
      this.#phase = phase;
      if (phase === "open") this.#guard.limit = longestAnswer;
      return Effect.void;
    });
  }

  /** Opens the socket: ends with kafkajs' promise, or as soon as the connection ends. */
  readonly #connect: Effect.Effect<void, ConnectionError> = Effect.suspend(() => {
    const reply = this.#connecting = new Reply<void, ConnectionError>();
    this.#connection.connect().then(
      () => reply.settle(Effect.void),
      (cause: unknown) => this.#end(openingFault(this.#broker, "connecting", cause, this.#secure)),
    );
    return reply.wait;
  });

  /** Asks which versions the broker knows, and compares them with what the role will ask for. */
  #greet(role: Role): Effect.Effect<void, ConnectionError> {
    const correlationId = this.#connection.nextCorrelationId();
    const frame = encodeApiVersions(correlationId, this.settings.clientId);
    const greeting = this.#send("ApiVersions", 18, 0, correlationId, frame, decodeApiVersions);
    return Effect.flatMap(greeting, ({ errorCode, versions }) => {
      if (errorCode !== 0) return this.#failWith(this.#malformed(`error ${errorCode} in place of its versions`));
      this.#versions = versions;
      if (this.settings.sasl !== null && !versions.has(saslAuthenticateKey)) {
        return this.#failWith(new ConnectionError(this.#broker, "unsupported", "the broker knows no SaslAuthenticate"));
      }
      for (const api of wantedBy[role]) {
        const codec = codecFor(api, versions);
        if (typeof codec === "string") return this.#failWith(new ConnectionError(this.#broker, "unsupported", codec));
      }
      return Effect.void;
    });
  }

  /** Keeps it logged in until it ends; to be run beside an open connection. A login that fails ends it. */
  readonly stayLoggedIn: Effect.Effect<void> = Effect.suspend(() =>
    Effect.catch(
      this.#session?.keep ?? Effect.void,
      (cause) => Effect.sync(() => this.#end(openingFault(this.#broker, "authenticating", cause, this.#secure))),
    )
  );

  /** A request of a login, which passes the gate. */
  readonly #ask = <T>({ name, key, version, ...request }: SaslRequest<T>): Effect.Effect<T, ConnectionError> =>
    Effect.suspend(() => {
      if (this.#fault !== null) return Effect.fail(this.#fault);
      const correlationId = this.#connection.nextCorrelationId();
      const frame = encodeSasl({ name, key, version, ...request }, correlationId, this.settings.clientId);
      const read = (payload: Uint8Array) => {
        const reader = new Reader(payload);
        const answer = request.read(reader);
        if (reader.left > 0) throw new Malformed(`${reader.left} bytes too many`);
        return answer;
      };
      return this.#send(name, key, version, correlationId, frame, read);
    });

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
      return Effect.timeoutOrElse(reply, {
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
  ): Effect.Effect<T, ConnectionError> {
    const reply = new Reply<T, ConnectionError>();
    const resolve = ({ payload }: { readonly payload: Uint8Array | null }) => {
      if (payload === null) return reply.settle(unanswered === undefined ? Effect.never : Effect.succeed(unanswered));
      let answer: T;
      try {
        answer = decode(payload);
        this.#heard ||= this.#phase === "open";
      } catch (cause) {
        const fault = this.#malformed(`${apiName}: ${cause instanceof Error ? cause.message : cause}`);
        this.#end(fault);
        return reply.settle(Effect.fail(fault));
      }
      reply.settle(Effect.succeed(answer));
    };
    const reject = () => reply.settle(Effect.fail(this.#fault ?? this.#closed("it ended")));
    const { requestQueue, socket } = this.#connection;
    const send = () =>
      requestQueue.push({
        expectResponse: unanswered === undefined,
        sendRequest: () => socket?.write(frame),
        entry: { apiKey, apiVersion, apiName, correlationId, resolve, reject },
      });
    if (this.#phase === "open" && !isLogin(apiKey)) this.#gate.pass(send, reject);
    else send();
    return reply.wait;
  }

  /** Ends it: nothing is sent or heard any more, everything that waits fails with `fault`. Later ends have no effect. */
  #end(fault: ConnectionError): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#fault = fault;
    this.#connecting?.settle(Effect.fail(fault));
    // With an error, as kafkajs clears the timer of a connect under way only in its error handler.
    this.#connection.socket?.destroy(fault);
    void this.#connection.disconnect();
    this.#gate.clear();
  }

  /** Ends it at once and waits for the socket to be gone. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#end(this.#closed("closed by this client"));
    return this.#socketGone === null ? Effect.void : Deferred.await(this.#socketGone);
  });

  #failWith(error: ConnectionError): Effect.Effect<never, ConnectionError> {
    this.#end(error);
    return Effect.fail(error);
  }

  #broken(cause: Error): ConnectionError {
    if (this.#phase !== "open" && this.#phase !== "ended") {
      return openingFault(this.#broker, this.#phase, cause, this.#secure);
    }
    const mute = cause === closedByBroker && !this.#heard && this.#session === null;
    return this.#closed(
      mute ? `${cause.message} without an answer; does it want a login (see sasl)?` : cause.message,
      cause,
    );
  }

  #closed(detail: string, cause?: Error): ConnectionError {
    return new ConnectionError(this.#broker, "closed", detail, { cause });
  }

  #malformed(detail: string): ConnectionError {
    return new ConnectionError(this.#broker, "malformed", detail);
  }
}

const closedByBroker = Object.assign(new Error("the broker closed the connection"), { code: "ECONNRESET" });
