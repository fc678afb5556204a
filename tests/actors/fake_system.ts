import type { ActorSystem, EventDefinition, PublishOptions, RecordMetadata } from "@troupe/troupe";

/** A publish that waits for the test to acknowledge or fail it. */
export interface Published {
  readonly event: string;
  readonly message: unknown;
  readonly options: PublishOptions | undefined;
  readonly acknowledge: () => void;
  readonly fail: (error: Error) => void;
}

/** What the order service needs of a system; acknowledges at once unless `manual`. */
export class FakeSystem implements Pick<ActorSystem, "publish" | "state"> {
  readonly published: Published[] = [];
  state: ActorSystem["state"] = "running";

  constructor(readonly manual: boolean = false) {}

  publish<Message>(
    event: EventDefinition<string, Message>,
    message: Message,
    options?: PublishOptions,
  ): Promise<RecordMetadata> {
    const { promise, resolve, reject } = Promise.withResolvers<RecordMetadata>();
    const acknowledge = () => resolve({ topic: event.topic, partition: 0, offset: this.published.length });
    this.published.push({ event: event.name, message, options, acknowledge, fail: reject });
    if (!this.manual) acknowledge();
    return promise;
  }
}
