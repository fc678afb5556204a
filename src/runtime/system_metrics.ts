/**
 * What a system says of itself to Prometheus.
 * @module
 */
import { MetricsText } from "../telemetry/metrics.ts";
import type { System } from "./system.ts";

/** What is known of the process, by its edge. */
export interface ProcessFigures {
  /** Seconds since 1970. */
  readonly startedAt: number;
  /** Resident memory in bytes. */
  readonly residentBytes: number;
  /** Heap in use in bytes. */
  readonly heapBytes: number;
  /** The longest pause of the event loop in seconds. Default 0. */
  readonly longestPause?: number;
  /** Pauses of the event loop that were too long. Default 0. */
  readonly stalls?: number;
}

/** The metrics of a system in Prometheus' text format. */
export function systemMetrics(system: System, figures: ProcessFigures): string {
  const text = new MetricsText()
    .family("process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.", [[figures.startedAt]])
    .family("process_resident_memory_bytes", "gauge", "Resident memory.", [[figures.residentBytes]])
    .family("troupe_heap_bytes", "gauge", "JavaScript heap in use.", [[figures.heapBytes]])
    .family(
      "troupe_event_loop_longest_pause_seconds",
      "gauge",
      "The longest pause of the event loop since the start.",
      [
        [figures.longestPause ?? 0],
      ],
    )
    .family("troupe_event_loop_stalls_total", "counter", "Pauses of the event loop of watchdog.stallAfter or more.", [
      [figures.stalls ?? 0],
    ])
    .family("troupe_ready", "gauge", "1 while the system is ready.", [[system.health().ready ? 1 : 0]])
    .family("troupe_broker_reachable", "gauge", "1 while a broker answers.", [[system.cluster.reachable() ? 1 : 0]])
    .family("troupe_sender_pending_records", "gauge", "Records accepted and not acknowledged yet.", [
      [system.sender.pending()],
    ])
    .family("troupe_sends_failed_total", "counter", "Fire-and-forget records that failed.", [[system.sendsFailed]]);
  partitions(system, text);
  outcomes(system, text);
  return text.toString();
}

function partitions(system: System, text: MetricsText): void {
  const held = system.consumers.flatMap(({ groupId, partitions, watch }) =>
    partitions.map((partition) => {
      const { actor, topic, partition: number } = partition;
      return { partition, watch, labels: { group: groupId, actor: actor.name, topic, partition: number } };
    })
  );
  text
    .family(
      "troupe_lag_records",
      "gauge",
      "Records between the position and the log's end, by partition held.",
      held.map(({ partition, labels }) => [Math.max(0, partition.highWatermark - partition.position), labels]),
    )
    .family(
      "troupe_oldest_unresolved_seconds",
      "gauge",
      "For how long the oldest unresolved record is known to be that, by partition held; also while it waits for a retry.",
      held.map(({ partition, labels, watch }) => [watch.oldest(partition) / 1_000, labels]),
    )
    .family(
      "troupe_mailbox_records",
      "gauge",
      "Records held: waiting, in flight, or waiting for a retry.",
      held.map(({ partition, labels }) => [partition.mailbox.records, labels]),
    )
    .family(
      "troupe_quarantined_keys",
      "gauge",
      "Keys whose messages follow a dead letter, by partition held of actors with quarantine.",
      held.flatMap(({ partition: { quarantine }, labels }) => quarantine === null ? [] : [[quarantine.size, labels]]),
    )
    .family(
      "troupe_group_partitions",
      "gauge",
      "Partitions held by this process.",
      system.consumers.map(({ groupId, partitions }) => [partitions.length, { group: groupId }]),
    )
    .family(
      "troupe_consumer_renewals_total",
      "counter",
      "Consumers made anew, as they did not get on.",
      system.renewals.map(({ renewals, consumer }) => [renewals, { group: consumer.groupId }]),
    )
    .family(
      "troupe_longest_hand_over_seconds",
      "gauge",
      "The longest time in which partitions were let go in a rebalance or drain: they stood still that long, at least.",
      system.renewals.map(({ handOvers, consumer }) => [handOvers.longest / 1_000, { group: consumer.groupId }]),
    )
    .family(
      "troupe_hand_overs_total",
      "counter",
      "Times in which partitions were let go, in a rebalance or a drain.",
      system.renewals.map(({ handOvers, consumer }) => [handOvers.count, { group: consumer.groupId }]),
    );
}

function outcomes({ counters }: System, text: MetricsText): void {
  const all = [...counters];
  text
    .family(
      "troupe_messages_total",
      "counter",
      "Messages by what became of them; failed and retried count calls of receive.",
      all.flatMap(([actor, { done, skipped, ignored, failed, retried }]) =>
        Object.entries({ done, skipped, ignored, failed, retried }).map(([outcome, value]) =>
          [value, { actor, outcome }] as const
        )
      ),
    )
    .family(
      "troupe_published_records_total",
      "counter",
      "Records published by actors and acknowledged.",
      all.map(([actor, { published }]) => [published, { actor }]),
    )
    .family(
      "troupe_restarts_total",
      "counter",
      "Incarnations started after a defect.",
      all.map(([actor, { restarts }]) => [restarts, { actor }]),
    )
    .family(
      "troupe_watchdog_restarts_total",
      "counter",
      "Incarnations started anew as their partition was stuck; counted among the restarts, too.",
      all.map(([actor, { watchdogRestarts }]) => [watchdogRestarts, { actor }]),
    )
    .family(
      "troupe_slowest_receive_seconds",
      "gauge",
      "The slowest receive of late, of those that had to be waited for and came to an end.",
      all.map(([actor, { slowest }]) => [slowest / 1_000, { actor }]),
    )
    .family(
      "troupe_handed_over_uncommitted_total",
      "counter",
      "Offsets handled whose commit had not come when their partition was let go: the next owner handles them again.",
      all.map(([actor, { handedOverUncommitted }]) => [handedOverUncommitted, { actor }]),
    )
    .family(
      "troupe_cut_short_total",
      "counter",
      "Records at work that did not end in time when their partition was let go: the next owner handles them again.",
      all.map(([actor, { cutShort }]) => [cutShort, { actor }]),
    )
    .family(
      "troupe_position_resets_total",
      "counter",
      "Positions set anew: records deleted below them, a log cut off, or a topic created again. See the log.",
      all.map(([actor, { positionResets }]) => [positionResets, { actor }]),
    )
    .family(
      "troupe_dead_letters_total",
      "counter",
      "Dead letters acknowledged, by reason.",
      all.flatMap(([actor, { deadLetters }]) =>
        Object.entries(deadLetters).map(([reason, value]) => [value, { actor, reason }] as const)
      ),
    )
    .family(
      "troupe_dead_letters_waiting",
      "gauge",
      "Dead letters that could not be written yet.",
      all.map(([actor, { deadLettersWaiting }]) => [deadLettersWaiting, { actor }]),
    );
}
