/** Where everything of a picture stands: places by dagre, the host on the left. Pure. */
import { Graph, layout } from '@dagrejs/dagre';
import type { Box, Line, Picture } from './picture.js';

/** Letters of a fixed width: a box can be measured without drawing it. */
export const LETTER = 7.3, LINE_HEIGHT = 16, SMALL_HEIGHT = 14;
export const PADDING = 10, MARGIN = 16, CORNER = 10;
const SMALL_LETTER = 6.7, LANE_TITLE = 30;
const LANES = ['host', 'container'] as const;

export interface Point { x: number; y: number }
export interface Placed extends Point { width: number; height: number }

export interface Drawn {
  boxes: (Box & Placed)[];
  lines: (Line & Placed & { points: readonly Point[] })[];
  lanes: { where: Box['where']; left: number; right: number }[];
  width: number;
  height: number;
}

function boxSize({ name, pids, about, rows }: Box): { width: number; height: number } {
  const letters = Math.max((name.length + 1 + pids.length) * LETTER, ...[about, ...rows].map((line) => line.length * SMALL_LETTER));
  const lines = rows.length + (about === '' ? 0 : 1);
  return { width: Math.ceil(letters) + 2 * PADDING, height: LINE_HEIGHT + lines * SMALL_HEIGHT + 2 * PADDING - 4 };
}

function labelSize({ words }: Line): { width: number; height: number } {
  if (words.length === 0) return { width: 0, height: 0 };
  return { width: Math.max(...words.map((one) => one.text.length)) * SMALL_LETTER + 12, height: words.length * SMALL_HEIGHT + 6 };
}

/**
 * What nothing leads to on the host, as an ended job's iomux-spawn, in rows below all else: dagre would put it into the row of
 * the wsh, across the lines that come from the container.
 */
export function place(picture: Picture): Drawn {
  const connected = new Set(picture.lines.flatMap(({ above, below }) => [above, below]));
  const rests = ({ id, where }: Box): boolean => where === 'host' && !connected.has(id);
  const drawn = placeConnected({ ...picture, boxes: picture.boxes.filter((box) => !rests(box)) });
  const resting = picture.boxes.filter(rests).map((box) => ({ ...box, ...boxSize(box) }));
  return resting.length === 0 ? drawn : placeBelow(drawn, resting);
}

function placeBelow({ boxes, lines, lanes, width, height }: Drawn, resting: readonly (Box & { width: number; height: number })[]): Drawn {
  const host = lanes.find(({ where }) => where === 'host'), left = host?.left ?? MARGIN, edge = host?.right ?? left;
  const right = Math.max(edge, left + 2 * MARGIN + Math.max(...resting.map((box) => box.width)));
  // The container, if it is there, makes room.
  const room = right - edge + (host ? 0 : MARGIN);
  const move = <Moved extends Point>(it: Moved): Moved => (it.x > edge ? { ...it, x: it.x + room } : it);
  let x = left + MARGIN, top = height, bottom = height;
  const placed = resting.map((box) => {
    if (x + box.width > right - MARGIN && x > left + MARGIN) [x, top] = [left + MARGIN, bottom];
    const there = { ...box, x: x + box.width / 2, y: top + box.height / 2 };
    x += box.width + MARGIN;
    bottom = Math.max(bottom, top + box.height + MARGIN);
    return there;
  });
  return {
    boxes: [...boxes.map(move), ...placed],
    lines: lines.map((line) => ({ ...move(line), points: line.points.map(move) })),
    lanes: [
      { where: 'host', left, right },
      ...lanes.filter(({ where }) => where !== 'host').map((lane) => ({ ...lane, left: lane.left + room, right: lane.right + room })),
    ],
    width: width + room, height: bottom,
  };
}

/** dagre's places, the host on the left, with room for the lanes' titles. */
function placeConnected({ boxes, lines }: Picture): Drawn {
  // Which dagre would make infinitely small.
  if (boxes.length === 0) return { boxes: [], lines: [], lanes: [], width: MARGIN, height: LANE_TITLE + MARGIN };
  const graph = new Graph({ multigraph: true, compound: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 36, edgesep: 18, ranksep: 28, marginx: MARGIN, marginy: MARGIN });
  const lanes = LANES.filter((where) => boxes.some((box) => box.where === where));
  for (const where of lanes) graph.setNode(where, {});
  for (const box of boxes) {
    graph.setNode(String(box.id), boxSize(box));
    graph.setParent(String(box.id), box.where);
  }
  for (const line of lines) graph.setEdge(String(line.above), String(line.below), { ...labelSize(line), labelpos: 'c' });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const placed = (id: string): Placed => graph.node(id) as Placed;
  const isMirrored = lanes.length === 2 && placed('container').x < placed('host').x;
  const move = <Moved extends Point>(it: Moved): Moved => ({ ...it, x: isMirrored ? width - it.x : it.x, y: it.y + LANE_TITLE });
  return {
    boxes: boxes.map((box) => ({ ...box, ...move(placed(String(box.id))) })),
    lines: lines.map((line) => {
      const edge = graph.edge(String(line.above), String(line.below)) as Placed & { points: Point[] };
      return { ...line, ...move(edge), points: edge.points.map(move) };
    }),
    lanes: lanes.map((where) => {
      const lane = move(placed(where));
      return { where, left: lane.x - lane.width / 2, right: lane.x + lane.width / 2 };
    }),
    width: Math.ceil(width), height: Math.ceil(height) + LANE_TITLE,
  };
}

export function round(number: number): number { return Math.round(number * 10) / 10; }

/** A line through the points with round corners. */
export function rounded(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const parts = [`M${at(first!)}`];
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (!next) return parts.push(`L${at(point)}`);
    const before = index === 0 ? first! : rest[index - 1]!;
    return parts.push(`L${at(towards(point, before))}`, `Q${at(point)} ${at(towards(point, next))}`);
  });
  return parts.join('');
}

function at({ x, y }: Point): string { return `${round(x)} ${round(y)}`; }

/** From a corner some way along the line to another point, at most to its middle. */
function towards(corner: Point, point: Point): Point {
  const length = Math.hypot(point.x - corner.x, point.y - corner.y) || 1;
  const part = Math.min(CORNER * 2, length / 2) / length;
  return { x: corner.x + (point.x - corner.x) * part, y: corner.y + (point.y - corner.y) * part };
}

/** The outline of an arrow's head. */
export function head(from: Point, to: Point): string {
  const angle = Math.atan2(to.y - from.y, to.x - from.x);
  const corner = (turn: number): Point => ({ x: to.x - 8 * Math.cos(angle + turn), y: to.y - 8 * Math.sin(angle + turn) });
  return `M${at(to)}L${at(corner(0.4))}L${at(corner(-0.4))}Z`;
}
