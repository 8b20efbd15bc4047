/** Jobs under iomux-spawn, and raw links to them, as cases start and look at them. */
import * as assert from 'uvu/assert';
import { patternMismatch } from '../../src/sim/script/pattern.js';
import type { Connection, Running, World } from './world.js';

export const CHANNELS = ['stdout', 'stderr', 'status'] as const;
export type Channel = typeof CHANNELS[number];
export const HEADER_BYTES = 4;
export const RING_BYTES = 65_536;

export interface Job { directory: string; spawn: Running }

/** Starts iomux-spawn with a script as its command, or with another command line. */
export async function startJob(world: World, command: string | readonly string[], ...options: string[]): Promise<Job> {
  const directory = world.directory();
  const argv = typeof command === 'string' ? world.script(command) : command;
  const spawn = world.start('iomux-spawn', [...options, directory, ...argv]);
  await world.until(() => spawn.stdout.text.includes('\n') || spawn.ended, 'iomux-spawn prints its first line');
  assert.match(spawn.stdout.text, /^child_pid=\d+\n/, spawn.stderr.text);
  return { directory, spawn };
}

export const isActive = ({ spawn }: Job): boolean => spawn.stdout.text.includes('child active\n');

export const connectTo = (world: World, job: { directory: string }, channel: Channel): Promise<Connection> => world.connect(`${job.directory}/${channel}.sock`);

export type Link = Record<Channel, Connection>;

/** A connection to each socket, in the order in which iomux-link makes them. */
export async function connectAll(world: World, job: { directory: string }): Promise<Link> {
  return { stdout: await connectTo(world, job, 'stdout'), stderr: await connectTo(world, job, 'stderr'), status: await connectTo(world, job, 'status') };
}

/** Of the first byte behind a stream's header. */
export function positionOf({ bytes }: { bytes: Uint8Array }): number { return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0); }

/** Waits until so much of a stream has come, behind its header. */
export async function has(world: World, stream: Connection, size: number): Promise<void> {
  await world.until(() => stream.length >= HEADER_BYTES + size || stream.ended, `${size} bytes come`);
  assert.ok(stream.length >= HEADER_BYTES + size, `ended after ${stream.length} bytes`);
}

/** Checks that these are the bytes that scripts write to `fd`, from a position on. */
export function assertPattern(fd: number, position: number, bytes: Uint8Array, size: number, what: string): void {
  const wrong = patternMismatch(fd, position, bytes);
  assert.is(wrong, -1, `${what}: wrong from byte ${wrong} of ${bytes.length} on`);
  assert.is(bytes.length, size, `${what}: ${bytes.length} bytes instead of ${size}`);
}

/** Waits for a stream's end; all of it is what scripts write to `fd`. */
export async function assertStream(world: World, stream: Connection, fd: number, size: number, position = 0): Promise<void> {
  await world.until(() => stream.ended, `the stream of descriptor ${fd} ends`);
  assert.is(positionOf(stream), position);
  assertPattern(fd, position, stream.bytes.subarray(HEADER_BYTES), size, `stream ${fd}`);
}

/** Waits for what a status connection tells. */
export async function statusOf(world: World, status: Connection): Promise<number[]> {
  await world.until(() => status.ended, 'the status connection ends');
  return [...status.bytes];
}

export async function endsWith(world: World, running: Running, code: number): Promise<void> {
  await world.until(() => running.ended, 'the program ends');
  assert.is(running.exitCode, code, running.stderr.text);
}

/** The same, for a program that would wait much longer if it did not end at once. */
export async function endsAtOnce(world: World, running: Running, code: number): Promise<void> {
  if (world.host === 'simulated') {
    // Where nothing else happens, the simulated clock jumps to the end of any wait.
    await world.pass(100);
    assert.ok(running.ended, 'the program has not ended at once');
  }
  await endsWith(world, running, code);
}

export function bigEndian(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4), view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setUint32(index * 4, number);
  return bytes;
}
