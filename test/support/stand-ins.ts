/** Imports for a module whose host is the test. */

type StandIn = (...numbers: number[]) => number;

/** The same function for everything that the module imports. */
export function standIns(module: WebAssembly.Module, standIn: StandIn = () => 0): Record<string, Record<string, StandIn>> {
  const imports: Record<string, Record<string, StandIn>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = standIn;
  return imports;
}
