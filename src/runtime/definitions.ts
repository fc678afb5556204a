/**
 * What can be wrong with the definitions of a system before it starts.
 * @module
 */
import type { ActorDefinition } from "../actor.ts";
import { ConfigError } from "../errors.ts";
import type { EventDefinition } from "../event.ts";

/** Everything the actors receive and publish, and `more`. */
export function knownEvents(
  actors: ReadonlyArray<ActorDefinition>,
  more: ReadonlyArray<EventDefinition>,
): ReadonlyArray<EventDefinition> {
  return [...new Set([...actors.flatMap(({ receives, publishes }) => [...receives, ...publishes]), ...more])];
}

/** The actors of each group. Throws a {@linkcode ConfigError} for definitions that can't work together. */
export function groupsOf(actors: ReadonlyArray<ActorDefinition>): ReadonlyMap<string, ReadonlyArray<ActorDefinition>> {
  const names = new Set<string>();
  const groups = new Map<string, ActorDefinition[]>();
  for (const actor of actors) {
    if (names.has(actor.name)) throw new ConfigError("actors", `two actors are called ${JSON.stringify(actor.name)}`);
    names.add(actor.name);
    const group = groups.get(actor.group);
    if (group === undefined) groups.set(actor.group, [actor]);
    else group.push(actor);
  }
  for (const [group, members] of groups) {
    const owners = new Map<string, string>();
    for (const { name, receives } of members) {
      for (const topic of new Set(receives.map((event) => event.topic))) {
        const other = owners.get(topic);
        if (other !== undefined) {
          throw new ConfigError(
            `actor ${name}.group`,
            `${other} reads ${topic} in the group ${group} as well; each record goes to one of a group: give ${name} its own`,
          );
        }
        owners.set(topic, name);
      }
    }
  }
  return groups;
}

/** Throws a {@linkcode ConfigError} where two different events of one topic have the same name. */
export function checkEvents(events: ReadonlyArray<EventDefinition>): void {
  const seen = new Map<string, EventDefinition>();
  for (const event of events) {
    const key = `${event.topic} ${event.name}`;
    if (seen.has(key) && seen.get(key) !== event) {
      throw new ConfigError(
        `event ${event.name}.name`,
        `the topic ${event.topic} has two different events of this name`,
      );
    }
    seen.set(key, event);
  }
}
