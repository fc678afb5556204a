// An HTTP front: what comes from outside is checked by the event's schema, published, and answered once the broker has
// it. The server is a service of the system: open before it is ready, closed after it has drained.
import { actor, ActorSystem, embedded, event, PublishError } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ email: z.email() });
const SignedUp = event({ name: "SignedUp", topic: "signups", schema, key: (signup) => signup.email });

const welcomed = Promise.withResolvers<void>();
const welcome = actor({
  name: "welcome",
  receives: [SignedUp],
  receive: ({ email }) => {
    console.log(`welcome, ${email}`);
    welcomed.resolve();
  },
});

async function signUp(system: ActorSystem, request: Request): Promise<Response> {
  const signup = SignedUp.schema.safeParse(await request.json().catch(() => undefined));
  if (!signup.success) return Response.json({ error: z.prettifyError(signup.error) }, { status: 400 });
  try {
    await system.publish(SignedUp, signup.data);
    return Response.json({ status: "accepted" }, { status: 202 });
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    return Response.json({ error: "not stored, try again" }, { status: 503 });
  }
}

let url = "";
function server(system: ActorSystem): AsyncDisposable {
  const onListen = ({ port }: { port: number }) => url = `http://127.0.0.1:${port}`;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, (request) => signUp(system, request));
}

await using _system = await ActorSystem.start({
  actors: [welcome],
  broker: embedded(),
  services: [server],
  logLevel: "warn",
});
for (const email of ["ada@example.org", "nobody"]) {
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ email }) });
  await response.body?.cancel();
  console.log(`${email}: ${response.status}`);
}
await welcomed.promise;
