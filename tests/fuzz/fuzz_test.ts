import { assert, assertEquals } from "../assert.ts";
import { fuzz } from "./fuzz.ts";

Deno.test("damaged answers are refused or give nothing that nobody has written, while each batch's CRC is checked", () => {
  const { fetch, others, wrong } = fuzz({ mutations: 20_000, seed: 20_260_501, checkCrc: true });
  assertEquals(wrong, []);
  const { same, prefix, refused, ...unprotected } = fetch;
  const all = Object.values(fetch).reduce((sum, count) => sum + count, 0);
  assert(same + prefix + refused > all * 0.98, JSON.stringify(unprotected));
  assert(refused > all * 0.7 && others.refused > 1000, `${refused} and ${others.refused} refused`);
});

Deno.test("damaged answers are refused or read without the CRC, and nothing else is thrown", () => {
  const { fetch } = fuzz({ mutations: 5_000, seed: 7, checkCrc: false });
  // That some are wrong now shows that the comparison finds them.
  assert(fetch.wrong > 100 && fetch.refused > 1000, JSON.stringify(fetch));
});
