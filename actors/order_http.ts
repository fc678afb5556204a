/**
 * The order service's HTTP side.
 * @module
 */
import { Hono } from "hono";
import { z } from "zod";
import { longestList, type OrderBook } from "./order_book.ts";
import type { OrderDesk, Submission } from "./order_desk.ts";
import { readOptions, readOrder } from "./order_request.ts";
import { badRequest, issuesOf, notAllowed, problem } from "./problem.ts";

/** What the routes work with. */
export interface OrderRoutes {
  readonly desk: OrderDesk;
  readonly book: OrderBook;
  /** Milliseconds a request waits for the broker's acknowledgement. Default 5,000. */
  readonly acknowledgeWithin?: number;
}

const limitSchema = z.string().regex(/^\d{1,9}$/, "expected a number").transform(Number)
  .pipe(z.number().min(1).max(longestList)).default(50);

/** `POST /order`, `GET /order/{id}` and `GET /orders`. */
export function orderRoutes({ desk, book, acknowledgeWithin = 5_000 }: OrderRoutes): Hono {
  return new Hono()
    .post("/order", async ({ req }) => {
      const order = await readOrder(req.raw);
      if (order instanceof Response) return order;
      const options = readOptions(req.raw.headers);
      if (options instanceof Response) return options;
      return await answer(desk.submit(order, options), acknowledgeWithin);
    })
    .all("/order", () => notAllowed("POST"))
    .get("/order/:id", ({ req }) => {
      const order = book.get(req.param("id"));
      return order === undefined ? problem(404, "no such order") : Response.json(order);
    })
    .all("/order/:id", () => notAllowed("GET, HEAD"))
    .get("/orders", ({ req }) => {
      const limit = limitSchema.safeParse(req.query("limit"));
      if (limit.success) return Response.json({ orders: book.newest(limit.data) });
      return badRequest("wrong limit", issuesOf(limit.error).map(({ message }) => ({ path: "limit", message })));
    })
    .all("/orders", () => notAllowed("GET, HEAD"));
}

async function answer({ orderId, failure }: Submission, within: number): Promise<Response> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, within, "late"));
  const outcome = await Promise.race([failure, late]).finally(() => clearTimeout(timer));
  if (outcome === undefined) {
    const location = `/order/${encodeURIComponent(orderId)}`;
    return Response.json({ order_id: orderId, status: "pending" }, { status: 202, headers: { Location: location } });
  }
  const error = outcome === "late"
    ? "the broker has not acknowledged the order yet; the event may yet arrive: " +
      "repeat the request with the same Idempotency-Key or this order_id to join it"
    : `the order was not accepted, try again: ${outcome.message}`;
  return problem(503, error, { "Retry-After": "5" }, { order_id: orderId });
}
