/**
 * As much of the WebAssembly API as we use. TypeScript has it only together with everything that a browser's window
 * has, whose global names (`name`, `status`, `close`…) would then pass for declared ones.
 */
declare namespace WebAssembly {
  type ExportValue = Function | Memory | Global;
  type Exports = Record<string, ExportValue>;
  type Imports = Record<string, Record<string, unknown>>;

  class Module {
    constructor(bytes: NodeJS.TypedArray | ArrayBuffer);
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static exports(module: Module): { name: string; kind: string }[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  class Global {
    value: unknown;
  }

  class RuntimeError extends Error {}
}
