/**
 * Publishes records: the loop that sends what the accumulator holds.
 * @module
 */
import { Cause, Clock, Effect, Exit, Random, Scope } from "effect";
import type { Connection } from "../../link/link.ts";
import { errorName } from "../../link/error_code.ts";
import { Accumulator } from "./accumulator.ts";
import { pause, throttled } from "../backoff.ts";
import { clusterSchema, type ReconnectOptions } from "../cluster/cluster_options.ts";
import { Dispatcher, produceRequest, type Shipment } from "./dispatcher.ts";
import { forkLoop } from "../loop.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import type { Cluster, Sender } from "../port.ts";
import { type Flight, patience, ProduceBroker } from "./produce_broker.ts";
import { type SenderOptions, senderSchema } from "./sender_options.ts";
import { Signal } from "../../fiber/signal.ts";

export type { SenderOptions } from "./sender_options.ts";

/** Milliseconds a topic that is not there is waited for in silence: at the start it is being created. */
const creation = 2_000;

/** The shortest pause between two looks at metadata, in milliseconds. */
const refreshPause = 50;

/** How often a topic that is surely not there is looked for, in milliseconds. */
const awayPause = 1_000;

/** Bytes in one request, about. */
const requestBytes = 8 << 20;

/** Makes a sender. When the scope ends without a `flush` before, everything pending fails with type STOPPED. */
export const makeSender: (
  cluster: Cluster,
  options?: SenderOptions,
  reconnect?: ReconnectOptions,
) => Effect.Effect<Sender, never, Scope.Scope> = Effect.fnUntraced(
  function* (cluster: Cluster, options: SenderOptions = {}, reconnect: ReconnectOptions = {}) {
    const settings = senderSchema.parse(options);
    const { linger, requestTimeout, idempotent, maxInFlight } = settings;
    const acks = idempotent ? -1 : settings.acks;
    const { reconnectBackoff, reconnectBackoffMax } = clusterSchema.parse(reconnect);

    const scope = yield* Effect.scope;
    const clock = yield* Clock.Clock;
    const random = yield* Random.Random;
    const wake = new Signal();
    const brokers = new Map<number, ProduceBroker>();
    const waitingForRoom = new Set<() => void>();
    const waitingForFlush = new Map<() => void, number>();
    let wakeAt = Infinity;
    let acquiring = false;
    let refreshing = false;
    /** Topics that were asked for last. */
    let asked: ReadonlySet<string> = new Set();
    /** Another one is doubted. */
    const another = new Signal();
    /** Topics that are not there: since when, or Infinity where that was said. */
    const missing = new Map<string, number>();

    const resume = (waiting: Iterable<() => void>) => {
      for (const go of [...waiting]) go();
    };
    const accumulator = new Accumulator(settings, {
      clock,
      random: () => random.nextDoubleUnsafe(),
      metadata: (topic) => cluster.topic(topic),
      absent: (topic) => cluster.absent(topic),
      due: (at) => {
        if (at >= wakeAt) return;
        wakeAt = at;
        wake.raise();
      },
      room: () => {
        if (accumulator.memory < accumulator.settings.memoryBytes) resume(waitingForRoom);
      },
      settled: () => {
        for (const [go, epoch] of waitingForFlush) if (accumulator.isSettled(epoch)) go();
      },
      thrown: (cause) => dispatcher.notes.push(`an observer of a delivery threw: ${cause}`),
    });
    const dispatcher = new Dispatcher(accumulator, {
      linger,
      maxInFlight,
      compression: settings.compression,
      deliveryTimeout: settings.deliveryTimeout,
      requestBytes,
      idempotent,
    });
    if (!idempotent) dispatcher.producer = { id: -1n, epoch: -1, serial: 0 };

    const send = (broker: ProduceBroker, connection: Connection, loaded: ReadonlyArray<Shipment>) =>
      Effect.suspend(() => {
        // To compress and encode takes time, and a process may be frozen in it.
        const at = monotonicMs(clock);
        const shipments = dispatcher.recall(loaded, at);
        if (shipments.length < loaded.length) wake.raise();
        if (shipments.length === 0) return Effect.void;
        const flight: Flight = { connection, shipments, at, askAt: at + patience };
        broker.flights.add(flight);
        const call = connection.call("Produce", produceRequest(shipments, acks, requestTimeout), requestTimeout);
        return Effect.flatMap(Effect.exit(call), (exit) => {
          broker.flights.delete(flight);
          if (Exit.isSuccess(exit)) {
            const now = monotonicMs(clock);
            const { throttleTimeMs } = exit.value;
            broker.failures = 0;
            if (throttleTimeMs > 0) broker.throttledUntil = now + throttled(throttleTimeMs);
            dispatcher.answered(shipments, exit.value, now);
            wake.raise();
            return Effect.void;
          }
          dispatcher.unanswered(shipments);
          wake.raise();
          if (exit.cause.reasons.some((reason) => reason._tag === "Die")) {
            dispatcher.notes.push(`a produce request died: ${Cause.pretty(exit.cause)}`);
          }
          // A connection with one request lost keeps no order for the others: it ends, whatever the link thinks of it.
          return connection.close;
        });
      });

    const open = (broker: ProduceBroker) =>
      Effect.suspend(() => {
        const attempt = broker.failures++;
        // A connection that merely broke is opened again at once; only failures in a row are slowed down.
        return Effect.andThen(
          attempt === 0 ? Effect.void : pause(attempt - 1, reconnectBackoff, reconnectBackoffMax),
          broker.connection.get,
        );
      }).pipe(
        Effect.exit,
        Effect.map((exit) => {
          broker.opening = false;
          if (Exit.isFailure(exit)) {
            for (const partition of accumulator.active) {
              if (partition.leader === broker.nodeId) dispatcher.doubted.add(partition.topic);
            }
          }
          wake.raise();
        }),
      );

    const acquire = Effect.gen(function* () {
      for (let attempt = 0;; attempt++) {
        const exit = yield* Effect.exit(Effect.flatMap(
          cluster.anyConnection("metadata"),
          (connection) =>
            connection.call("InitProducerId", {
              transactionalId: null,
              transactionTimeoutMs: 0,
              producerId: -1n,
              producerEpoch: -1,
            }, Math.min(requestTimeout, 10_000)),
        ));
        if (Exit.isSuccess(exit) && exit.value.errorCode === 0) {
          const { producerId: id, producerEpoch: epoch } = exit.value;
          dispatcher.producer = { id, epoch, serial: (dispatcher.producer?.serial ?? 0) + 1 };
          break;
        }
        if (Exit.isSuccess(exit) && attempt % 10 === 9) {
          yield* Effect.logWarning(`no producer id: ${errorName(exit.value.errorCode)}, trying again`);
        }
        yield* pause(attempt, 20, 1_000);
      }
      acquiring = false;
      wake.raise();
    });

    const stillMissing = (name: string, now: number) => {
      const since = missing.get(name) ?? now;
      const silent = now - since < creation;
      missing.set(name, silent ? since : Infinity);
      if (silent || since === Infinity) return;
      const remedy = "a system creates the topics of its actors' events and of those in its `events`";
      dispatcher.notes.push(`publish to ${name}: there is no such topic, its records wait for it; ${remedy}`);
    };

    const refresh = Effect.suspend(() => {
      const topics = asked = new Set(dispatcher.doubted);
      another.clear();
      const askedAt = monotonicMs(clock);
      dispatcher.doubted.clear();
      return Effect.flatMap(Effect.exit(cluster.refresh([...topics])), (exit) => {
        accumulator.adopt();
        let again = awayPause;
        for (const name of topics) {
          const topic = accumulator.topics.get(name);
          if (topic === undefined) continue;
          if (Exit.isSuccess(exit)) accumulator.unpark(topic, askedAt);
          if (topic.partitions.length > 0) missing.delete(name);
          else if (Exit.isSuccess(exit) && cluster.denied(name)) accumulator.denyParked(topic);
          else if (Exit.isSuccess(exit)) stillMissing(name, askedAt);
          if (missing.get(name) === Infinity || cluster.absent(name)) continue;
          again = Math.min(again, topic.partitions.length > 0 ? refreshPause : 250);
        }
        wake.raise();
        // What is doubted again at once is not asked for again at once; another topic does not wait for it.
        return Effect.andThen(Effect.sleep(refreshPause), another.waitAtMost(again - refreshPause));
      });
    }).pipe(Effect.map(() => {
      refreshing = false;
      if (dispatcher.doubted.size > 0) wake.raise();
    }));

    const fork = (effect: Effect.Effect<unknown>) => Effect.forkIn(effect, scope, { startImmediately: true });

    const run = Effect.gen(function* () {
      for (;;) {
        wakeAt = Infinity;
        wake.clear();
        const now = monotonicMs(clock);
        dispatcher.begin(now);
        for (const broker of brokers.values()) {
          for (const connection of broker.late(now, (topic) => dispatcher.doubted.add(topic))) {
            yield* fork(connection.close);
          }
        }
        for (let sent = true; sent;) {
          sent = false;
          for (const [nodeId, partitions] of dispatcher.ready(now)) {
            let broker = brokers.get(nodeId);
            if (broker === undefined) brokers.set(nodeId, broker = new ProduceBroker(nodeId, cluster, scope));
            const connection = broker.connection.open();
            if (connection === null) {
              if (!broker.opening) {
                broker.opening = true;
                yield* fork(open(broker));
              }
            } else if (broker.throttledUntil > now) {
              dispatcher.due = Math.min(dispatcher.due, broker.throttledUntil);
            } else if (broker.flights.size < maxInFlight) {
              const shipments = dispatcher.load(partitions, now);
              if (shipments.length === 0) continue;
              sent = true;
              yield* fork(send(broker, connection, shipments));
            }
          }
        }
        if (!acquiring && dispatcher.needsProducer()) {
          acquiring = true;
          yield* fork(acquire);
        }
        if (!refreshing && dispatcher.doubted.size > 0) {
          refreshing = true;
          yield* fork(refresh);
        } else if (refreshing && [...dispatcher.doubted].some((topic) => !asked.has(topic))) another.raise();
        for (const note of dispatcher.notes.splice(0)) yield* Effect.logWarning(note);
        for (const broker of brokers.values()) dispatcher.due = Math.min(dispatcher.due, broker.lateAt);
        wakeAt = Math.min(wakeAt, dispatcher.due);
        yield* wake.waitAtMost(dispatcher.due - monotonicMs(clock));
      }
    });

    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => {
        accumulator.stop();
        resume(waitingForRoom);
        resume(waitingForFlush.keys());
      }),
    );
    yield* forkLoop("the sender", run, scope);

    const sender: Sender = {
      offer: (record, observer, lease) => accumulator.offer(record, observer, lease),
      room: Effect.callback<void>((proceed) => {
        if (accumulator.stopped || accumulator.memory < accumulator.settings.memoryBytes) return proceed(Effect.void);
        const go = () => {
          waitingForRoom.delete(go);
          proceed(Effect.yieldNow);
        };
        waitingForRoom.add(go);
        return Effect.sync(() => void waitingForRoom.delete(go));
      }),
      flush: Effect.callback<void>((proceed) => {
        const epoch = accumulator.seal();
        if (accumulator.isSettled(epoch)) return proceed(Effect.void);
        const go = () => {
          waitingForFlush.delete(go);
          proceed(Effect.yieldNow);
        };
        waitingForFlush.set(go, epoch);
        wake.raise();
        return Effect.sync(() => void waitingForFlush.delete(go));
      }),
      pending: () => accumulator.records,
      waitingFor: () => {
        const waited = ([name, since]: readonly [string, number]) =>
          since === Infinity && (accumulator.topics.get(name)?.parked.size ?? 0) > 0;
        const topics = [...missing].filter(waited).map(([name]) => name);
        for (const { topic } of accumulator.active) if (cluster.absent(topic)) topics.push(topic);
        return [...new Set(topics)];
      },
    };
    return sender;
  },
);
