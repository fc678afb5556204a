/**
 * Which of our fixed versions a broker knows.
 * @module
 */
import type { Role } from "../link.ts";
import type { ApiName } from "../protocol.ts";
import { codecs, type Versions } from "./codecs.ts";

/** The number of SaslAuthenticate. */
export const saslAuthenticate = 36;

/** What a connection of each role can't do without; the rest is looked at when it is called. */
export const wantedBy: Readonly<Record<Role, ReadonlyArray<ApiName>>> = {
  metadata: ["Metadata", "FindCoordinator"],
  group: ["JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup"],
  offsets: ["OffsetCommit", "OffsetFetch"],
  fetch: ["Fetch"],
  produce: ["Produce"],
  admin: [],
};

/** Why the broker can't be asked this, or null when it can. */
export function unsupported(api: ApiName, versions: Versions): string | null {
  const { key, version } = codecs[api];
  const known = versions.get(key);
  if (known === undefined) return `${api} ${version} is needed, the broker does not know ${api}`;
  if (version >= known.min && version <= known.max) return null;
  return `${api} ${version} is needed, the broker knows ${known.min} to ${known.max}`;
}
