/**
 * What every HTTP request of a process passes first: operations, then the routes while the system runs, else an error
 * that is JSON like all others.
 * @module
 */
import { type ActorSystem, operations } from "@troupe/troupe";
import { Hono } from "hono";
import { problem } from "./problem.ts";

/** Answers a request. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Joins the routes of a process. */
export function front(system: Pick<ActorSystem, "state">, ...routes: ReadonlyArray<Hono>): Hono {
  const app = new Hono();
  app.use(async (_context, next) => refuseWhileDraining(system) ?? await next());
  for (const each of routes) app.route("/", each);
  app.notFound(() => problem(404, "no such page"));
  app.onError((error) => {
    console.error(error);
    return problem(500, "internal error");
  });
  return app;
}

/** Puts `/metrics` and `/health/…` before an application: these answer until the process ends. */
export function withOperations(system: ActorSystem, app: Hono): Handler {
  const operate = operations(system);
  return (request) => operate(request) ?? app.fetch(request);
}

function refuseWhileDraining(system: Pick<ActorSystem, "state">): Response | undefined {
  if (system.state !== "draining" && system.state !== "stopped") return undefined;
  return problem(503, "the service is ending", { Connection: "close", "Retry-After": "1" });
}
