/** The rows of the table, in their order. */
import { bursts } from './bursts.js';
import { wardenExec } from '../command.js';
import type { Figure } from '../figure.js';
import { memory, memoryAfter, threadCount } from './footprint.js';
import { growth } from './growth.js';
import { latencyMedian, latencyTail } from './latency.js';
import { create, exec, link, linkAway } from './library.js';
import { execs, libraryAtOnce, links } from './many.js';
import { serverFigures } from './server.js';
import { runtimeFigures } from './runtime.js';
import { monitorFigures } from './monitor.js';
import { cpuTime, wshTrue } from './start.js';
import { chain, iomux } from './throughput.js';

export const figures: readonly Figure[] = [
  wshTrue, execs, chain, iomux, links, memory, memoryAfter, threadCount, cpuTime, bursts,
  latencyMedian, latencyTail, ...growth,
  create, exec, ...libraryAtOnce, link, linkAway, wardenExec, ...runtimeFigures, ...monitorFigures, ...serverFigures,
];
