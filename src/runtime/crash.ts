/**
 * What ends an incarnation without being the fault of its actor.
 * @module
 */
import type { LeaseLost, PublishError } from "../errors.ts";

/** The lease is lost, or the sender has ended: the work belongs to another. No restart. */
export class Fenced {
  /** Tells it apart. */
  readonly _tag = "Fenced";
  constructor(readonly error: LeaseLost | PublishError) {}
}

/**
 * What a record published can't be published by anybody: it is too large, or for no partition. The incarnation starts
 * again, and that is not counted against it: the record itself is given up after a few such ends.
 */
export class Unpublishable {
  /** Tells it apart. */
  readonly _tag = "Unpublishable";
  constructor(readonly error: PublishError) {}
}

/** The partition does not get on. The incarnation starts again, unless that has been tried. */
export class Stuck extends Error {
  /** Tells it apart. */
  readonly _tag = "Stuck";
  /** `final`: whether restarts did not help. */
  constructor(message: string, readonly final: boolean) {
    super(message);
  }
}

/**
 * What was published was not acknowledged in time. The incarnation starts again, and that is not counted: a broker
 * that is away is nobody's failure here.
 */
export class Unacknowledged {
  /** Tells it apart. */
  readonly _tag = "Unacknowledged";
  constructor(readonly error: PublishError) {}
}
