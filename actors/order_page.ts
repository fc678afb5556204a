/**
 * The page: the orders this process knows, kept up to date by itself.
 * @module
 */
import { Hono } from "hono";
import { html } from "hono/html";
import type { OrderBook, OrderEntry, OrderStatus } from "./order_book.ts";
import { notAllowed } from "./problem.ts";

/** How many orders the page shows. */
const shown = 100;

const statuses: ReadonlyArray<OrderStatus> = ["pending", "reserved", "rejected"];

const style = html`
  <style>
    :root { color-scheme: light dark; --line: light-dark(#ddd, #444); --faint: light-dark(#666, #999) }
    body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
    header { display: flex; justify-content: space-between; align-items: center }
    p, small, .pending { color: var(--faint) }
    table { width: 100%; border-collapse: collapse }
    th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid var(--line) }
    td { overflow-wrap: anywhere }
    .reserved { color: light-dark(#17692f, #6fcf8a) }
    .rejected { color: light-dark(#a5241c, #ff8e85) }
    button { font: inherit; padding: .25rem .9rem }
  </style>
`;

// While the shop starts again the page keeps what it has; a plain reload would end on the browser's error page.
const script = html`
  <script type="module">
    const refresh = async () => {
      const answer = await fetch("/").catch(() => null);
      const old = document.querySelector("main");
      old.style.opacity = answer?.ok ? "" : "0.5";
      if (!answer?.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      old.replaceWith(page.querySelector("main"));
    };
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ customer: "Ada", amount: 20 });
    document.querySelector("button").onclick = () => fetch("/order", { method: "POST", headers, body }).then(refresh);
    setInterval(refresh, 1000);
  </script>
`;

const cells = ({ order_id, status, reason }: OrderEntry) =>
  html`
    <td><code>${order_id}</code></td>
    <td class="${status}">${status} <small>${reason ?? ""}</small></td>
  `;

function list(orders: ReadonlyArray<OrderEntry>) {
  if (orders.length === 0) return html`<p>No orders yet: none has come since this process began.</p>`;
  const counts = statuses.map((status) => `${orders.filter((order) => order.status === status).length} ${status}`);
  return html`
    <p>The newest ${orders.length}: ${counts.join(", ")}.</p>
    <table>
      <tr><th>order</th><th>status</th></tr>
      ${orders.map((order) => html`<tr>${cells(order)}</tr>`)}
    </table>
  `;
}

/** `GET /`. */
export function orderPage(book: OrderBook): Hono {
  return new Hono()
    .get("/", (context) => {
      const orders = book.newest(shown).map((entry) => book.get(entry.order_id) ?? entry);
      return context.html(html`<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Orders</title>${style}</head>
  <body>
    <header><h1>Orders</h1><button>Order something</button></header>
    <main>${list(orders)}</main>
    ${script}
  </body>
</html>`);
    })
    .all("/", () => notAllowed("GET, HEAD"));
}
