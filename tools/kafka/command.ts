/**
 * Running other programs: a run that may find no such program, and what it said.
 * @module
 */

/** How a command ended. */
export interface Outcome {
  /** Its exit code; 127 when there is no such program. */
  readonly code: number;
  /** What it wrote, standard output first. */
  readonly text: string;
}

/** Runs a command to its end. Never throws: a missing program is code 127. */
export async function run(program: string, args: ReadonlyArray<string>, cwd?: string): Promise<Outcome> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(executable(program), {
      args: [...args],
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    return { code, text: text.decode(stdout) + text.decode(stderr) };
  } catch (cause) {
    return { code: 127, text: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** A program's name as this system starts it: Maven is a batch file on Windows. */
function executable(program: string): string {
  return Deno.build.os === "windows" && program === "mvn" ? "mvn.cmd" : program;
}

/** The last line of a program's output that says something. */
export function lastLine(text: string): string {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").at(-1) ?? "it said nothing";
}

const text = new TextDecoder();
