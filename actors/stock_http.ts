/**
 * The inventory service's HTTP side.
 * @module
 */
import { Hono } from "hono";
import { notAllowed, problem } from "./problem.ts";
import type { Stock } from "./stock.ts";

/** `GET /stock/{sku}`. */
export function stockRoutes(stock: Stock): Hono {
  return new Hono()
    .get("/stock/:sku", ({ req }) => {
      const level = stock.level(req.param("sku"));
      return level === undefined ? problem(404, "no such sku") : Response.json(level);
    })
    .all("/stock/:sku", () => notAllowed("GET, HEAD"));
}
