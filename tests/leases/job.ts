/**
 * The work that goes on while one of two workers is frozen. Two programs do it, ours.ts and stock.ts, both by what stands
 * here: each record is looked at for a while, and its echo is published to the partition of the same number.
 * @module
 */

/** What a worker is told, as JSON in its first argument. */
export interface Job {
  /** Its name. */
  readonly name: string;
  readonly brokers: string;
  readonly topic: string;
  readonly group: string;
  readonly groupProtocol: "classic" | "consumer";
  /** Milliseconds. */
  readonly sessionTimeout: number;
  /** For how long it blocks its event loop when it is sent SIGUSR2, in milliseconds. */
  readonly block: number;
}

/** An echo, and what a worker says when it begins with a record: `h partition offset grant at`. */
export interface Echo {
  readonly worker: string;
  readonly partition: number;
  readonly offset: number;
  /** Tells under which assignment it was: another one has another number. */
  readonly grant: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Milliseconds that a record takes. */
export const work = 4;

/** Whether the record can't be handled. */
export function isBad(offset: number): boolean {
  return offset % 50 === 7;
}

/** The job as a worker gets it. */
export function readJob(): Job {
  return JSON.parse(Deno.args[0]);
}

/** The topic of echoes. */
export function echoTopic(topic: string): string {
  return `${topic}-echo`;
}

const encoder = new TextEncoder();

/** Writes a line at once. */
export function say(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** A worker begins with a record. */
export function begin({ partition, offset, grant, at }: Omit<Echo, "worker">): void {
  say(`h ${partition} ${offset} ${grant} ${at}`);
  if (blockFor > 0) block();
}

/** Resolves with SIGTERM; blocks with SIGUSR2. */
export function asked({ block }: Job): Promise<void> {
  Deno.addSignalListener("SIGUSR2", () => blockFor = block);
  return new Promise((resolve) => Deno.addSignalListener("SIGTERM", resolve));
}

let blockFor = 0;

function block(): void {
  const until = performance.now() + blockFor;
  blockFor = 0;
  say("blocked");
  while (performance.now() < until);
  say("awake");
}
