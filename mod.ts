/**
 * Actors on Apache Kafka: each assigned partition is a supervised actor with a bounded mailbox, retries, dead letters, order
 * per key and a clean end.
 *
 * @example
 * ```ts
 * import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
 * import { z } from "zod";
 *
 * const Greeted = event({ name: "Greeted", topic: "greetings", schema: z.object({ name: z.string() }) });
 * const greeter = actor({
 *   name: "greeter",
 *   receives: [Greeted],
 *   receive: (greeting, context) => context.log.info(`hello, ${greeting.name}`),
 * });
 *
 * await using system = await ActorSystem.start({ actors: [greeter], broker: embedded(), logLevel: "error" });
 * await system.publish(Greeted, { name: "world" });
 * ```
 * @module
 */
export * from "./src/actor.ts";
export * from "./src/actor_system.ts";
export * from "./src/admin/admin.ts";
export type { Administration, AdministrationOptions } from "./src/admin/administration.ts";
export type { GroupDescription, GroupLag, MemberDescription, PartitionLag } from "./src/admin/group_admin.ts";
export type { ListedOffset, LogPosition, TopicOrPartition } from "./src/admin/offset_admin.ts";
export type { OffsetChange, ResetOptions, ResetTarget } from "./src/admin/offset_reset.ts";
export type { AdminError } from "./src/admin/refusals.ts";
export type {
  CreatedTopic,
  CreateTopicsOptions,
  NewTopic,
  PartitionDescription,
  TopicDescription,
} from "./src/admin/topic_admin.ts";
export * from "./src/broker.ts";
export * from "./src/context.ts";
export type { DeadLetterReason } from "./src/dead_letter/dead_letter.ts";
export type { DeadLetter, LetterSource } from "./src/dead_letter/read_letter.ts";
export type { LetterTurn } from "./src/dead_letter/turn.ts";
export * from "./src/errors.ts";
export * from "./src/event.ts";
export * from "./src/kafka_environment.ts";
export type { LogLevel } from "./src/logger.ts";
export * from "./src/operations.ts";
export * from "./src/outcome.ts";
export { headerText } from "./src/record.ts";
export type { ConsumerRecord, RecordHeaders, RecordMetadata, TopicPartition } from "./src/record.ts";
export * from "./src/redrive/dead_letters.ts";
export type {
  DeadLetterOffice,
  DeadLetterOfficeOptions,
  ListOptions,
  RedriveOptions,
} from "./src/redrive/dead_letter_office.ts";
export type { LetterFilter } from "./src/redrive/letter_filter.ts";
export type { RedriveError } from "./src/redrive/partition_redrive.ts";
export type { LeftLetter, ReasonCount, RedriveReport } from "./src/redrive/redrive_report.ts";
export type { Health, SystemState } from "./src/runtime/health.ts";
export type {
  ClusterOptions,
  Compression,
  FetcherOptions,
  SenderOptions,
  SystemSettingsInput,
  WatchdogOptions,
} from "./src/runtime/settings.ts";
export type { DrainReport, Settled } from "./src/runtime/system.ts";
export type { RestartOptions, RetryOptions } from "./src/supervision.ts";
export type { LayerOption, OptionalLayer, SystemOptions, SystemService } from "./src/system_options.ts";
