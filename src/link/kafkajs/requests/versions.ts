/**
 * Which of our versions of an API a broker knows.
 * @module
 */
import type { Role } from "../../link.ts";
import type { ApiName, Request } from "../../protocol.ts";
import type { Codec } from "./codec.ts";
import { codecs, type Versions } from "./codecs.ts";

/** What a connection of each role can't do without; the rest is looked at when it is called. */
export const wantedBy: Readonly<Record<Role, ReadonlyArray<ApiName>>> = {
  metadata: ["Metadata", "FindCoordinator"],
  group: ["JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup"],
  offsets: ["OffsetCommit", "OffsetFetch"],
  fetch: ["Fetch"],
  produce: ["Produce"],
  admin: [],
};

/** The newest codec of ours that the broker knows and that fits the request, if one is given; or why there is none. */
export function codecFor<A extends ApiName>(api: A, versions: Versions, request?: Request<A>): Codec<A> | string {
  const ours: ReadonlyArray<Codec<A>> = codecs[api];
  const [{ key, version }] = ours;
  const known = versions.get(key);
  if (known === undefined) return `${api} ${version} is needed, the broker does not know ${api}`;
  const fits = (codec: Codec<A>) => request === undefined || codec.fits?.(request) !== false;
  const codec = ours.find((one) => one.version >= known.min && one.version <= known.max && fits(one));
  if (codec !== undefined) return codec;
  const needed = ours.map(({ version }) => version).join(" or ");
  return `${api} ${needed} is needed, the broker knows ${known.min} to ${known.max}`;
}
