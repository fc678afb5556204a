/**
 * Every failure the framework names. Each has a `_tag` equal to its class's name (so `Effect.catchTag` and a `switch`
 * work), says where it happened and what to do next.
 * @module
 */
import type { TopicPartition } from "./record.ts";

/** A connection to a broker could not be opened, broke, or did not answer in time. */
export class ConnectionError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ConnectionError";
  /** Printed in stack traces. */
  override readonly name = "ConnectionError";
  /** `broker` is host:port; `reason` says at which point it failed. */
  constructor(
    readonly broker: string,
    readonly reason: "refused" | "closed" | "timeout" | "malformed" | "unsupported" | "tls" | "authentication",
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`broker ${broker}: ${reason}: ${detail}`, options);
  }
}

/** A broker answered a request with one of Kafka's error codes. */
export class KafkaError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "KafkaError";
  /** Printed in stack traces. */
  override readonly name = "KafkaError";
  /** `code` and `type` are Kafka's, such as 16 and NOT_COORDINATOR. */
  constructor(readonly code: number, readonly type: string, readonly api: string, detail: string) {
    super(`${api}: ${type} (${code}): ${detail}`);
  }
}

/** Bytes that are not what Kafka's record format says. */
export class CorruptRecordError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "CorruptRecordError";
  /** Printed in stack traces. */
  override readonly name = "CorruptRecordError";
  /** `at` is the position in bytes in the fetched record set. */
  constructor(readonly detail: string, readonly at: number, where?: TopicPartition, options?: ErrorOptions) {
    super(
      `${where ? `${where.topic}/${where.partition}: ` : ""}corrupt record batch: ${detail} at byte ${at}`,
      options,
    );
  }
}

/** A record that no event of its topic can be read from: it becomes a dead letter. */
export class DecodeError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "DecodeError";
  /** Printed in stack traces. */
  override readonly name = "DecodeError";
  /** Where the record stands and what is wrong with it. */
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${topic}/${partition}@${offset}: ${detail}`, options);
  }
}

/** A record was not acknowledged and never will be. */
export class PublishError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "PublishError";
  /** Printed in stack traces. */
  override readonly name = "PublishError";
  /** `type` is Kafka's error or the client's own (DELIVERY_TIMEOUT, UNKNOWN_PARTITION, STOPPED). */
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly type: string,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`publish to ${topic}${partition >= 0 ? `/${partition}` : ""}: ${type}: ${detail}`, options);
  }
}

/** Work was done, or asked for, under a lease on a partition that is no longer held. */
export class LeaseLost extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "LeaseLost";
  /** Printed in stack traces. */
  override readonly name = "LeaseLost";
  /** The partition and the generation in which the lease was given. */
  constructor(readonly topic: string, readonly partition: number, readonly generation: number) {
    super(
      `${topic}/${partition}: the lease of generation ${generation} is lost; the partition's new owner does this work again`,
    );
  }
}

/** `receive` did not settle within the actor's `receiveTimeout`. */
export class ReceiveTimeout extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ReceiveTimeout";
  /** Printed in stack traces. */
  override readonly name = "ReceiveTimeout";
  /** Which actor was given which record, and the limit in ms. */
  constructor(
    readonly actor: string,
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    readonly limit: number,
  ) {
    super(`${actor}: receive of ${topic}/${partition}@${offset} took longer than ${limit} ms (see receiveTimeout)`);
  }
}

/** A context was used after its message had been settled or given up. */
export class ContextFenced extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ContextFenced";
  /** Printed in stack traces. */
  override readonly name = "ContextFenced";
  /** Which actor's context, for which record. */
  constructor(readonly actor: string, readonly topic: string, readonly partition: number, readonly offset: number) {
    super(`${actor}: the context of ${topic}/${partition}@${offset} is closed: its message was settled or timed out`);
  }
}

/** A topic can't be made, changed, described or read as was asked. */
export class TopicError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "TopicError";
  /** Printed in stack traces. */
  override readonly name = "TopicError";
  /** `type` is Kafka's error, such as TOPIC_ALREADY_EXISTS; `detail` says what to do. */
  constructor(readonly topic: string, readonly type: string, detail: string, options?: ErrorOptions) {
    super(`topic ${topic}: ${type}: ${detail}`, options);
  }
}

/** The group refuses this member, or what was asked of the group, for good. */
export class GroupError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "GroupError";
  /** Printed in stack traces. */
  override readonly name = "GroupError";
  /** `type` is Kafka's error, such as FENCED_INSTANCE_ID. */
  constructor(readonly groupId: string, readonly type: string, detail: string, options?: ErrorOptions) {
    super(`group ${groupId}: ${type}: ${detail}`, options);
  }
}

/** A partition's position lies outside its log and the policy is to fail. */
export class OffsetOutOfRange extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "OffsetOutOfRange";
  /** Printed in stack traces. */
  override readonly name = "OffsetOutOfRange";
  /** The position that was asked for, and what is known of why it is not there. */
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    detail = "the log no longer has (or never had) this offset",
  ) {
    super(`${topic}/${partition}@${offset}: ${detail}; set outOfRange to "earliest" or "latest" to go on`);
  }
}

/** A partition's actor kept failing: its restart intensity is used up. Ends the system with exit code 1. */
export class ActorFailed extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ActorFailed";
  /** Printed in stack traces. */
  override readonly name = "ActorFailed";
  /** Which actor gave up, on which partition, and at which offset it would have gone on. */
  constructor(
    readonly actor: string,
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${actor} on ${topic}/${partition}@${offset}: ${detail}`, options);
  }
}

/** A part of the system has died of a bug of ours, and can't be told to start again. Ends the system with exit code 1. */
export class SystemDefect extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "SystemDefect";
  /** Printed in stack traces. */
  override readonly name = "SystemDefect";
  /** Which part died, and of what. */
  constructor(readonly part: string, detail: string, options?: ErrorOptions) {
    super(`${part} died of a bug, please report it: ${detail}`, options);
  }
}

/** An option, a definition or an environment variable is wrong: one line, nothing was started, exit code 78. */
export class ConfigError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ConfigError";
  /** Printed in stack traces. */
  override readonly name = "ConfigError";
  /** `field` names the option or variable, `detail` says what is wrong with it. */
  constructor(readonly field: string, readonly detail: string, options?: ErrorOptions) {
    super(`${field}: ${detail}`, options);
  }
}
