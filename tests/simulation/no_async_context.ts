/**
 * To be imported before Effect, which then does not keep the asynchronous context of fibers: half of a simulation's time.
 * @module
 */
Object.defineProperty(globalThis.process, "getBuiltinModule", { value: undefined });
