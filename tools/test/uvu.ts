/**
 * uvu as tests get it (resolve-uvu.ts): the same, but no failure hides another one. uvu itself drops a test's failure, and all tests
 * that follow, when a hook `after.each` throws, too; and it prints nothing of a failed `before` or `after`.
 */
import * as uvu from 'uvu';

type Callback = uvu.Callback<Record<string, unknown>>;
type Test = uvu.Test<Record<string, unknown>>;

/** The first error, with the messages of the others. */
function joined([first, ...others]: readonly unknown[]): unknown {
  if (others.length === 0 || !(first instanceof Error)) return first;
  first.message += others.map((error) => `\nand then: ${error instanceof Error ? error.message : String(error)}`).join('');
  return first;
}

/** Prints an error that uvu would not print, and passes it on. */
function reported(hook: string, callback: Callback): Callback {
  return async (context) => {
    try {
      await callback(context);
    } catch (error) {
      console.log(`  FAIL  ${hook}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
      throw error;
    }
  };
}

export function suite(title?: string, context?: Record<string, unknown>): Test {
  const real = uvu.suite(title, context), before: Callback[] = [], after: Callback[] = [];
  /** The test between its hooks. Each hook `after.each` runs, whatever failed before. */
  const guarded = (handler: Callback): Callback => async (given) => {
    const errors: unknown[] = [], attempt = async (callback: Callback): Promise<boolean> => {
      try {
        await callback(given);
        return true;
      } catch (error) {
        errors.push(error);
        return false;
      }
    };
    let isReady = true;
    for (const hook of before) isReady &&= await attempt(hook);
    if (isReady) await attempt(handler);
    for (const hook of after) await attempt(hook);
    if (errors.length > 0) throw joined(errors);
  };
  const { only, skip } = real, test = (name: string, handler: Callback): void => { real(name, guarded(handler)); };
  return Object.assign(test, {
    only: (name: string, handler: Callback) => { only(name, guarded(handler)); },
    skip,
    before: Object.assign((hook: Callback) => { real.before(reported('before', hook)); }, { each: (hook: Callback) => { before.push(hook); } }),
    after: Object.assign((hook: Callback) => { real.after(reported('after', hook)); }, { each: (hook: Callback) => { after.push(hook); } }),
    run: () => { real.run(); },
  });
}
