/** What of a recording the picture shows at one event: looked up here, drawn in picture.ts. No drawing. */
import type { Line } from '../../topology/picture.js';
import { type Placed, type Point } from '../../topology/places.js';
import { firstOf, isChannel, lastAtMost, momentAt, type Recording, type Ring, valueAt } from '../record/recording.js';

/** Something on its way: bytes, and descriptors with them. */
export interface Token extends Point {
  readonly bytes: number;
  readonly descriptors: number;
  /** The line, where it is not drawn any more. */
  readonly past: readonly Point[] | undefined;
}

export interface RingView { readonly ring: Ring; readonly head: number; readonly links: readonly number[] }

export function lineKey({ above, below }: Line, { layout }: Recording): string { return `${layout.slots[above]} ${layout.slots[below]}`; }

/** The point at a part of the way along a line, from 0 to 1. */
function pointAlong(points: readonly Point[], part: number): Point {
  const lengths = points.slice(1).map((point, index) => Math.hypot(point.x - points[index]!.x, point.y - points[index]!.y));
  let left = lengths.reduce((sum, length) => sum + length, 0) * part;
  for (const [index, length] of lengths.entries()) {
    const from = points[index]!, to = points[index + 1]!;
    if (left <= length) return { x: from.x + (to.x - from.x) * (length ? left / length : 0), y: from.y + (to.y - from.y) * (length ? left / length : 0) };
    left -= length;
  }
  return points.at(-1) ?? { x: 0, y: 0 };
}

/** A channel is drawn as the middle of its line: bytes come there from who writes, and go on to who reads. */
function tokenOn(recording: Recording, line: Line, pid: number, outwards: boolean, progress: number): Point | undefined {
  const { points } = recording.layout.lines[lineKey(line, recording)] ?? {};
  if (!points) return undefined;
  const fromProcess = outwards ? progress / 2 : (1 - progress) / 2;
  return pointAlong(points, line.above === pid ? fromProcess : 1 - fromProcess);
}

export function tokensAt(recording: Recording, event: number, progress: number): Token[] {
  const { flows, channels, moments } = recording, tokens: Token[] = [], now = momentAt(recording, event);
  for (let at = firstOf(flows.event, event); flows.event[at] === event; at++) {
    const channel = channels[flows.channel[at]!]!, pid = flows.pid[at]!, bytes = flows.bytes[at]!;
    const shown = moments[flows.moment[at]!];
    const line = shown?.lines.find(({ above, below, words }) => (
      (above === pid || below === pid) && words.some((word) => isChannel(word.channel, channel))));
    const point = line && tokenOn(recording, line, pid, bytes > 0, progress);
    if (!point) continue;
    const isThere = now.lines.some(({ above, below }) => above === line.above && below === line.below);
    const past = isThere ? undefined : recording.layout.lines[lineKey(line, recording)]!.points;
    tokens.push({ ...point, bytes: Math.abs(bytes), descriptors: flows.descriptors[at]!, past });
  }
  return tokens;
}

/** Bytes that nobody has read yet, by the channels' ids. */
export function fillsAt({ channels, fills }: Recording, event: number): (channel: string) => number {
  const places = placesOf(channels);
  return (channel) => {
    const course = fills[places.get(channel) ?? -1];
    return course ? valueAt(course, event) : 0;
  };
}

const knownPlaces = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

function placesOf(channels: readonly string[]): ReadonlyMap<string, number> {
  let places = knownPlaces.get(channels);
  if (!places) knownPlaces.set(channels, places = new Map(channels.map((channel, index) => [channel, index])));
  return places;
}

export function ringsAt({ rings, momentAt: starts, moments, channels }: Recording, event: number): RingView[] {
  const moment = moments[Math.max(0, lastAtMost(starts, event))];
  const open = new Set(moment?.lines.flatMap(({ words }) => words.map(({ channel }) => channel)));
  return rings.filter(({ pid }) => moment?.boxes.some(({ id, program }) => id === pid && program === 'iomux-spawn')).map((ring) => ({
    ring, head: valueAt(ring.head, event),
    links: ring.links.filter(({ channel, position }) => open.has(channels[channel]!) && lastAtMost(position.at, event) >= 0)
      .map(({ position }) => valueAt(position, event)),
  }));
}

export function boxOf({ layout }: Recording, pid: number): Placed | undefined { return layout.boxes[layout.slots[pid] ?? -1]; }

/** "12,345 B" */
export function bytesInWords(bytes: number): string { return `${String(bytes).replace(/\B(?=(\d{3})+$)/g, ',')} B`; }
