/**
 * All bugs that are planted.
 * @module
 */
import { clientPlants } from "./client_plants.ts";
import { leasePlants } from "./lease_plants.ts";
import type { Plant } from "./plant.ts";
import { runtimePlants } from "./runtime_plants.ts";

/** See the module. */
export const plants: ReadonlyArray<Plant> = [...runtimePlants, ...clientPlants, ...leasePlants];
