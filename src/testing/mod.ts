/**
 * Tests without waiting: a whole system on an embedded Kafka in virtual time, which fails on demand. Begin with
 * {@linkcode TestSystem}; {@linkcode VirtualTime} is for programs in Effect.
 * @module
 */
export { ErrorCode } from "../link/error_code.ts";
export type { ApiName } from "../link/protocol.ts";
export type { Chance } from "./simulation/chance.ts";
export type { SimulatedFault } from "./simulation/script.ts";
export { simulate, type SimulationReport } from "./simulation/simulate.ts";
export { SimulationError } from "./simulation/simulation_error.ts";
export type {
  OptionalSimulationLayer,
  Produce,
  ProducedMessage,
  SimulatedCall,
  SimulatedProcess,
  SimulationLayer,
  SimulationOptions,
  SimulationOutcome,
  SimulationSettings,
} from "./simulation/simulation_options.ts";
export { type TestFaults } from "./test_faults.ts";
export { type ExpectOptions, type TestOptions, TestSystem } from "./test_system.ts";
export { VirtualProcess } from "./virtual_process.ts";
export { type Tasks, type Timer, VirtualTime, type VirtualTimeOptions } from "./virtual_time.ts";
export { ExpectationError, type Received, type ReceivedDeadLetter } from "./written_records.ts";
