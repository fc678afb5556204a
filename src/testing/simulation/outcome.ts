/**
 * What a simulation's check is shown.
 * @module
 */
import type { EventDefinition } from "../../event.ts";
import type { ConsumerRecord } from "../../record.ts";
import { carries, decode, letterOf } from "../written_records.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Producer } from "./producer.ts";
import type { SimulationOutcome } from "./simulation_options.ts";
import { shown } from "./watched_actor.ts";
import type { Planned } from "./producer.ts";

/** All that came of a schedule. */
export function outcomeOf<World>(
  { records, calls, actors }: Chronicle,
  seed: number,
  world: World,
  planned: ReadonlyArray<Planned>,
  { places }: Producer,
): SimulationOutcome<World> {
  const bare = new Map(records.map((record) => [record, { ...record, headers: shown(record.headers) }]));
  const plain = (record: ConsumerRecord) => bare.get(record) ?? record;
  const find = (topic: string, partition: number, offset: number) =>
    records.find((each) => each.topic === topic && each.partition === partition && each.offset === offset);
  const produced = planned.flatMap(({ event, message }, number) => {
    const place = places.get(number);
    const record = place && find(place.topic, place.partition, place.offset);
    return record === undefined ? [] : [{ event, message, record: plain(record) }];
  });
  const topics = new Set(
    Array.from(
      actors.values(),
      ({ receives, settings }) => receives.map(({ topic }) => settings.deadLetterTopic(topic)),
    )
      .flat(),
  );
  return {
    seed,
    world,
    produced,
    messages: <Message>(event: EventDefinition<string, Message>) =>
      records.filter((record) => carries(record, event))
        .map((record) => ({ message: decode(event, record), record: plain(record) })),
    letters: records.filter(({ topic }) => topics.has(topic)).map((record) => letterOf(plain(record))),
    calls: calls.map(({ known: { actor, record }, process, attempt, began, ended, end }) => ({
      process,
      actor: actor.name,
      record: plain(record),
      attempt,
      began,
      ended,
      outcome: end,
    })),
  };
}
