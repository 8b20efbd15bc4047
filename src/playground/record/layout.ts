/**
 * Places that last: the whole run is laid out at once, so that nothing moves when the time does. Processes of one kind whose lives
 * do not overlap take the same place, one after the other.
 */
import type { Box, Line } from '../../topology/picture.js';
import { type Drawn, place, type Placed, type Point } from '../../topology/places.js';
import type { Moment } from './pictures.js';

/** Rows of an iomux-spawn in which its rings are drawn, and their width in letters. */
export const RING_ROWS = 2;
const RING_COLUMNS = 26;
/** Beside the words of a line: " 212,992 B" */
const FILL_COLUMNS = 10;

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly lanes: Drawn['lanes'];
  /** By slot. */
  readonly boxes: readonly Placed[];
  /** By "slot slot", above first. */
  readonly lines: Readonly<Record<string, Placed & { readonly points: readonly Point[] }>>;
  /** The slot of each process, by PID. */
  readonly slots: Readonly<Record<number, number>>;
}

interface Life { pid: number; first: number; last: number; box: Box }

/** The lives of all processes, in the order of their beginnings; a box is as large as it ever gets. */
function livesOf(moments: readonly Moment[]): Life[] {
  const lives = new Map<number, Life>();
  moments.forEach(({ boxes }, at) => {
    for (const box of boxes) {
      const life = lives.get(box.id);
      if (life) {
        life.last = at;
        life.box = larger(life.box, box);
      } else {
        lives.set(box.id, { pid: box.id, first: at, last: at, box });
      }
    }
  });
  return [...lives.values()];
}

function larger(a: Box, b: Box): Box {
  const longest = (one: string, other: string): string => (other.length > one.length ? other : one);
  return {
    ...a, program: telling(a.program, b.program),
    name: longest(a.name, b.name), pids: longest(a.pids, b.pids), about: longest(a.about, b.about),
    rows: a.rows.length > b.rows.length ? a.rows : b.rows, where: b.where,
  };
}

/** A process is something else before its container is there, and after its end: what it was in between says where it belongs. */
function telling(a: Box['program'], b: Box['program']): Box['program'] { return a === 'server' || (a === 'command' && b !== 'server') ? b : a; }

interface Slot { last: number; box: Box }

function takeSlots(lives: readonly Life[]): { slots: Slot[]; slotOf: Record<number, number> } {
  const slots: Slot[] = [], slotOf: Record<number, number> = {};
  for (const { pid, first, last, box } of lives) {
    const kind = (each: Box): string => `${each.where} ${each.program}`;
    let at = slots.findIndex((slot) => slot.last < first && kind(slot.box) === kind(box));
    if (at < 0) at = slots.push({ last, box: { ...box, id: slots.length } }) - 1;
    else slots[at] = { last, box: { ...larger(slots[at]!.box, box), id: at } };
    slotOf[pid] = at;
  }
  return { slots, slotOf };
}

function linesOf(moments: readonly Moment[], slotOf: Readonly<Record<number, number>>): Line[] {
  const lines = new Map<string, Line>();
  for (const line of moments.flatMap((moment) => moment.lines)) {
    const above = slotOf[line.above]!, below = slotOf[line.below]!, key = `${above} ${below}`, known = lines.get(key);
    if (known && known.words.length >= line.words.length) continue;
    const words = line.words.map((word) => ({ ...word, text: word.text + ' '.repeat(FILL_COLUMNS) }));
    lines.set(key, { above, below, arrives: { above: false, below: false }, words });
  }
  return [...lines.values()];
}

function withRings(box: Box): Box {
  if (box.program !== 'iomux-spawn') return box;
  return { ...box, rows: [...box.rows, ...Array.from({ length: RING_ROWS }, () => ' '.repeat(RING_COLUMNS))] };
}

export function layoutOf(moments: readonly Moment[]): Layout {
  const { slots, slotOf } = takeSlots(livesOf(moments));
  const drawn = place({ title: '', boxes: slots.map(({ box }) => withRings(box)), lines: linesOf(moments, slotOf) });
  const boxes: Placed[] = [];
  for (const { id, x, y, width, height } of drawn.boxes) boxes[id] = { x, y, width, height };
  const lines = Object.fromEntries(drawn.lines.map(({ above, below, x, y, width, height, points }) => (
    [`${above} ${below}`, { x, y, width, height, points }])));
  return { width: drawn.width, height: drawn.height, lanes: drawn.lanes, boxes, lines, slots: slotOf };
}
