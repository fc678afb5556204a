/**
 * The page: a plain list of the orders this process knows.
 * @module
 */
import { Hono } from "hono";
import { html } from "hono/html";
import type { OrderBook } from "./order_book.ts";
import { notAllowed } from "./problem.ts";

/** How many orders the page shows. */
const shown = 100;

/** `GET /`. */
export function orderPage(book: OrderBook): Hono {
  return new Hono()
    .get("/", (context) =>
      context.html(html`
        <!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8">
            <meta http-equiv="refresh" content="2">
            <title>Orders</title>
          </head>
          <body>
            <h1>Orders</h1>
            <ol>
        ${book.newest(shown).map(({ order_id, status }) => html`<li><code>${order_id}</code> ${status}</li>\n`)}
            </ol>
          </body>
        </html>
      `))
    .all("/", () => notAllowed("GET, HEAD"));
}
