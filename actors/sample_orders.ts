/**
 * A trickle of orders, so that there is something to see.
 * @module
 */
import type { ActorSystem } from "@troupe/troupe";
import type { OrderDesk } from "./order_desk.ts";

const customers = ["Ada", "Grace", "Edsger", "Barbara", "Leslie"];

/** Hands in an order every `interval` milliseconds, one at a time, while the system runs and until disposed of. */
export function sampleOrders(
  system: Pick<ActorSystem, "state">,
  desk: OrderDesk,
  interval: number = 2_000,
): Disposable {
  let underWay = false;
  const timer = setInterval(async () => {
    // While the broker is away one waiting order is enough.
    if (underWay || system.state !== "running") return;
    underWay = true;
    const customer = customers[Math.floor(Math.random() * customers.length)];
    await desk.submit({ customer, amount: 1 + Math.floor(Math.random() * 100) }).failure;
    underWay = false;
  }, interval);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
