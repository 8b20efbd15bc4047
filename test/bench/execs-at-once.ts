/** A process of its own, whose memory is measured: execs-at-once.js CONTAINER COUNT */
import { Container } from '../../src/core/container/container.js';

const [directory = '', count = '0'] = process.argv.slice(2);
const container = await Container.open(directory), startMs = performance.now();
const results = await Promise.all(Array.from({ length: Number(count) }, () => container.exec(['true'], { stdio: 'ignore' }).result));
const failed = results.find(({ exitCode }) => exitCode !== 0);
if (failed) throw new Error(`true ended with ${failed.exitCode}`);
console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1000, mib: process.resourceUsage().maxRSS / 1024 }));
