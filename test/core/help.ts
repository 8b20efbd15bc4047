/** What the core's unit tests share. */
import { WardenError } from '../../src/base/errors.js';

/** The WardenError that a call throws. Throws when it does not. */
export function thrownBy(call: () => unknown): WardenError {
  try {
    call();
  } catch (error) {
    if (error instanceof WardenError) return error;
    throw error;
  }
  throw new Error('it throws nothing');
}
