/** Loaded before the command (node --require): when that would become another program, tells what it has loaded, and ends. */
import fs = require('node:fs');

interface Addon { exports: { execute?: unknown } }

const { dlopen } = process;
process.dlopen = (module: object, ...rest: [filename: string, flags?: number]): void => {
  dlopen.call(process, module, ...rest);
  (module as Addon).exports.execute = (file: string, argv: readonly string[]) => {
    const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] };
    fs.writeSync(1, JSON.stringify({ file, argv, directory: process.cwd(), builtins: moduleLoadList, files: Object.keys(require.cache) }));
    process.exit(0);
  };
};
