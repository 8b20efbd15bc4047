/** Tests that cannot run everywhere, and say why where they do not. */

interface Tests { (name: string, handler: () => Promise<void> | void): void; skip(name: string): void }

/** A suite's tests, or, where there is a reason against them, a way to count each as skipped and to say so. */
export function unless(reason: string | undefined, tests: Tests): (name: string, handler: () => Promise<void> | void) => void {
  if (reason === undefined) return tests;
  const { skip } = tests;
  return (name) => {
    console.log(`  skipped: ${name} (${reason})`);
    skip(name);
  };
}
