/** V8's. */
interface ErrorConstructor { stackTraceLimit: number }

/** What the build puts into the page: tools/build/playground.ts. */
declare module 'playground:worker' {
  /** The worker's script, whole: a page from disk can load no other file as a worker. */
  const source: string;
  export default source;
}
declare module 'playground:modules' {
  /** The programs' modules by their names, and the codec's. */
  const modules: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  export default modules;
}
