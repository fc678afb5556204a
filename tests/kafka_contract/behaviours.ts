/**
 * What a Kafka does: every link's Kafka has to pass all of these.
 * @module
 */
import { client } from "./client.ts";
import { consumerGroups } from "./consumer_groups.ts";
import { consumerGroupNeighbours } from "./consumer_group_neighbours.ts";
import { consumerGroupTimes } from "./consumer_group_times.ts";
import type { Behaviour } from "./context.ts";
import { describe } from "./describe.ts";
import { fetch } from "./fetch.ts";
import { groups } from "./groups.ts";
import { groupTimeouts } from "./group_timeouts.ts";
import { idempotence } from "./idempotence.ts";
import { offsets } from "./offsets.ts";
import { produce } from "./produce.ts";
import { reading } from "./reading.ts";
import { retention } from "./retention.ts";
import { staticMembers } from "./static_members.ts";
import { topics } from "./topics.ts";

/** All of them. */
export const behaviours: ReadonlyArray<Behaviour> = [
  ...topics,
  ...produce,
  ...idempotence,
  ...fetch,
  ...reading,
  ...retention,
  ...offsets,
  ...groups,
  ...groupTimeouts,
  ...staticMembers,
  ...describe,
  ...consumerGroups,
  ...consumerGroupNeighbours,
  ...consumerGroupTimes,
  ...client,
];
