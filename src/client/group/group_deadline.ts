/**
 * The deadline of a membership.
 * @module
 */
import type { Membership } from "../port.ts";

/** The coordinator counts this member in until then, in monotonic milliseconds: tells those who wait for that. */
export function renew(membership: Membership, until: number): void {
  membership.deadline = Math.max(membership.deadline, until);
  const { waiting } = membership;
  if (waiting === undefined || waiting.size === 0) return;
  const all = [...waiting];
  waiting.clear();
  for (const wake of all) wake();
}
