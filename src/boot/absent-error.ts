import { MkinitrdError } from "../core/errors.ts";

/** A device that was waited for did not appear. */
export class AbsentError extends MkinitrdError {}
