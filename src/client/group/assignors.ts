/**
 * The assignors this client knows.
 * @module
 */
import type { Assignor } from "./assignor.ts";
import { cooperativeSticky } from "./assignor_cooperative_sticky.ts";
import { range, roundRobin } from "./assignor_eager.ts";

/** The assignors by the names that all members of a group, whatever client they are, agree on. */
export const assignors: Readonly<Record<string, Assignor>> = {
  "cooperative-sticky": { assign: cooperativeSticky, cooperative: true },
  "range": { assign: range, cooperative: false },
  "roundrobin": { assign: roundRobin, cooperative: false },
};
