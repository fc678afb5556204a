import { Admin, embedded } from "@troupe/troupe";
import { adminBehaviours } from "./behaviours.ts";

for (const { name, check } of adminBehaviours) {
  Deno.test(name, async () => {
    let names = 0;
    const broker = embedded();
    await using admin = await Admin.connect(broker);
    await check(admin, broker, (prefix) => `${prefix}-${++names}`);
  });
}
