/** A thread of a swarm, or of an exhaustive run. */
import { parentPort, workerData } from 'node:worker_threads';
import { runInjected } from '../exhaustive/injection.js';
import { loadMarked } from './marked.js';
import { runPiece } from './piece.js';
import type { Answer, Task, WorkerData } from './pool.js';

const port = parentPort;
if (!port) throw new Error('a thread of a pool is started by one');
const programs = await loadMarked((workerData as WorkerData).modules);

function answer(task: Task): Answer {
  if ('seeds' in task) return { tally: runPiece(programs, task.seeds) };
  return { first: task.first, results: task.injected.map((each) => runInjected(programs, each)) };
}

port.on('message', (task: Task) => port.postMessage(answer(task)));
