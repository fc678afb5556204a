/**
 * The program that publishes what a simulation's processes have to do: it meets no faults but a broker that is away.
 * @module
 */
import { Effect, Logger } from "effect";
import type { PublishOptions } from "../../context.ts";
import type { EventDefinition } from "../../event.ts";
import { Signal } from "../../fiber/signal.ts";
import type { RecordMetadata } from "../../record.ts";
import { makeSystem } from "../../runtime/system.ts";
import type { ProcessLife } from "./process_life.ts";

/** A message that is to be published. */
export interface Planned {
  readonly event: EventDefinition;
  readonly message: unknown;
  readonly options: PublishOptions | undefined;
}

/** See the module. */
export class Producer {
  /** Whether the topics are there. */
  ready = false;
  /** Where each message stands, by its number, as far as that is known. */
  readonly places = new Map<number, RecordMetadata>();
  readonly #unwritten: number[] = [];
  readonly #more = new Signal();
  #asked = 0;

  constructor(
    private readonly life: ProcessLife,
    private readonly messages: ReadonlyArray<Planned>,
    private readonly events: ReadonlyArray<EventDefinition>,
    private readonly partitions: number,
  ) {}

  /** Makes the topics, and publishes from then on. */
  start(): void {
    this.life.start(Effect.provide(Effect.scoped(this.#run), Logger.layer([])));
  }

  /** Publishes these, in their order. */
  write(messages: ReadonlyArray<number>): void {
    this.#asked += messages.length;
    this.#unwritten.push(...messages);
    this.#more.raise();
  }

  /** Whether all that was to be written is. */
  get idle(): boolean {
    return this.places.size === this.#asked;
  }

  readonly #run = Effect.gen({ self: this }, function* () {
    const { events, partitions, life: { link } } = this;
    const settings = { partitions, producer: { linger: 0 } };
    const system = yield* makeSystem({ ...settings, actors: [], events }, link.broker.open);
    yield* system.whenReady(Infinity);
    this.ready = true;
    for (;;) {
      const number = this.#unwritten.shift();
      if (number === undefined) {
        yield* this.#more.wait;
        continue;
      }
      const { event, message, options } = this.messages[number];
      const published = Effect.map(system.publish(event, message, options), (place) => {
        this.places.set(number, place);
      });
      // In the sender, and so in its place, before the next.
      yield* Effect.forkChild(published, { startImmediately: true });
    }
  });
}
