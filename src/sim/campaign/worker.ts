/** A worker thread of a swarm or of an exhaustive run. */
import { parentPort, workerData } from 'node:worker_threads';
import { runInjected } from './injection.js';
import { loadMarked } from './instrumented.js';
import { runPiece } from './batch.js';
import type { Answer, Task, WorkerData } from './pool.js';

const port = parentPort;
if (!port) throw new Error('worker.js must be started as a worker thread');
const programs = await loadMarked((workerData as WorkerData).modules);

function answer(task: Task): Answer {
  if ('seeds' in task) return { tally: runPiece(programs, task.seeds) };
  return { first: task.first, results: task.injected.map((each) => runInjected(programs, each)) };
}

port.on('message', (task: Task) => port.postMessage(answer(task)));
