/**
 * Which requests of a schedule go wrong: drawn as they come, or just those of a script.
 * @module
 */
import type { Fault } from "../../link/embedded/faults.ts";
import type { ApiName } from "../../link/protocol.ts";
import type { Happening } from "./script.ts";
import type { Weather } from "./weather.ts";

/** See the module. */
export class RequestFaults {
  /** What has happened. */
  readonly happened: Happening[] = [];
  readonly #planned = new Map<string, Fault>();
  readonly #counts = new Map<string, number>();

  /** With a weather the faults are drawn; without one those in the script happen, and no others. */
  constructor(private readonly weather: Weather | null, script: ReadonlyArray<Happening>) {
    for (const happening of script) {
      if (happening._tag !== "Fault") continue;
      const { process, api, number, fault } = happening;
      this.#planned.set(`${process} ${api} ${number}`, fault);
    }
  }

  /** What becomes of a process's next request of this API. */
  next(process: string, api: ApiName): Fault | null {
    const kind = `${process} ${api}`;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    const fault = this.weather === null ? this.#planned.get(`${kind} ${number}`) ?? null : this.weather(api);
    if (fault !== null) this.happened.push({ _tag: "Fault", process, api, number, fault });
    return fault;
  }
}
