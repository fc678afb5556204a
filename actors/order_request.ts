/**
 * Reads an order from an HTTP request: media type, size, JSON and fields, each with its own answer when it is wrong.
 * @module
 */
import { z } from "zod";
import { itemSchema } from "./contracts.ts";
import type { OrderOptions, OrderRequest } from "./order_desk.ts";
import { badRequest, issuesOf, problem } from "./problem.ts";

/** The longest body in bytes. */
const longestBody = 64 * 1024;

/** An id stands in URLs (which a lone surrogate can't) and in memory. */
const identifier = z.string().min(1).max(255).refine((text) => text.isWellFormed(), "Invalid Unicode");

const requestSchema: z.ZodType<OrderRequest> = z.object({
  customer: z.string(),
  amount: z.number().positive(),
  order_id: identifier.optional(),
  items: z.array(itemSchema).min(1).optional(),
});

/** The order a request holds, or the answer that says what is wrong with it. */
export async function readOrder(request: Request): Promise<OrderRequest | Response> {
  if (!isJson(request.headers.get("content-type"))) {
    await request.body?.cancel();
    return problem(415, "expected Content-Type: application/json", { Accept: "application/json" });
  }
  let json: unknown;
  try {
    const body = await readBody(request);
    if (body === undefined) return problem(413, `the body is longer than ${longestBody} bytes`);
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) { // also a body that breaks off
    return badRequest("the body is not JSON", [{ path: "", message: error instanceof Error ? error.message : "" }]);
  }
  const order = requestSchema.safeParse(json);
  return order.success ? order.data : badRequest("this is not an order", issuesOf(order.error));
}

/** The request's key and trace, or the answer that says what is wrong with them. */
export function readOptions(headers: Headers): OrderOptions | Response {
  const key = headers.get("idempotency-key") || undefined;
  if (key !== undefined && !identifier.safeParse(key).success) {
    return badRequest("wrong header", [{ path: "Idempotency-Key", message: "expected 1 to 255 characters" }]);
  }
  return { idempotencyKey: key, traceparent: traceparentOf(headers) };
}

const isJson = (type: string | null) => type?.split(";", 1)[0].trim().toLowerCase() === "application/json";

/** The header as it came if it is one, by https://www.w3.org/TR/trace-context: a malformed one is to be ignored. */
function traceparentOf(headers: Headers): string | undefined {
  const value = headers.get("traceparent") ?? "";
  const valid = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/.test(value);
  return valid ? value : undefined;
}

/** The body, or undefined where it is too long: by what it says, or by what comes. */
async function readBody(request: Request): Promise<Uint8Array | undefined> {
  const said = Number(request.headers.get("content-length") ?? 0);
  if (said > longestBody) {
    await request.body?.cancel();
    return undefined;
  }
  const body = new Uint8Array(longestBody);
  let length = 0;
  for await (const chunk of request.body ?? []) {
    if (length + chunk.length > longestBody) return undefined; // which cancels the rest
    body.set(chunk, length);
    length += chunk.length;
  }
  return body.subarray(0, length);
}
