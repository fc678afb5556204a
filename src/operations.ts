/**
 * What an operator asks a process over HTTP.
 * @module
 */
import type { ActorSystem } from "./actor_system.ts";

/** Answers the paths it knows; undefined for every other, which is then somebody else's to answer. */
export type Operations = (request: Request) => Response | undefined;

/**
 * The operator's pages of a system, to be put before a program's own routes: `/metrics` (Prometheus), `/health/live` and
 * `/health/ready` (200, or 503 with the reasons).
 *
 * @example
 * ```ts
 * import { ActorSystem, embedded, operations } from "@troupe/troupe";
 *
 * await using system = await ActorSystem.start({ actors: [], broker: embedded(), logLevel: "error" });
 * const operate = operations(system);
 * const answer = operate(new Request("http://localhost/health/live"));
 * console.log(answer?.status); // 200
 * ```
 */
export function operations(system: ActorSystem): Operations {
  return (request) => {
    const { pathname } = new URL(request.url);
    const page = pages[pathname];
    if (page === undefined) return undefined;
    if (request.method === "GET" || request.method === "HEAD") return page(system);
    return Response.json({ error: "expected GET, HEAD" }, { status: 405, headers: { Allow: "GET, HEAD" } });
  };
}

const pages: Readonly<Record<string, (system: ActorSystem) => Response>> = {
  "/metrics": (system) =>
    new Response(system.metrics(), { headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" } }),
  "/health/live": (system) => report(system, system.health().live),
  "/health/ready": (system) => report(system, system.health().ready),
};

function report(system: ActorSystem, good: boolean): Response {
  const { status, state, reasons } = system.health();
  const body = good
    ? { status, state, reasons }
    : { error: reasons.join("; ") || `the system is ${state}`, status, state, reasons };
  return Response.json(body, { status: good ? 200 : 503, headers: { "Cache-Control": "no-store" } });
}
