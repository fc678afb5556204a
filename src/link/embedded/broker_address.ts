/**
 * Where the embedded broker pretends to be.
 * @module
 */
import type { BrokerAddress } from "../link.ts";

/** Its address: nothing listens there. */
export const brokerAddress: BrokerAddress = Object.freeze({ nodeId: 1, host: "embedded", port: 0 });
