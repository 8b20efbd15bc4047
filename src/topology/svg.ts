/** Draws the picture: places by dagre, lines and letters by us. Readable on light and on dark ground. */
import { Graph, layout } from '@dagrejs/dagre';
import type { Topology } from './model.js';
import { type Box, type Line, type Picture, pictureOf } from './picture.js';

/** Letters of a fixed width: a box can be measured without drawing it. */
const LETTER = 7.3, LINE_HEIGHT = 16, SMALL_LETTER = 6.7, SMALL_HEIGHT = 14;
const PADDING = 10, MARGIN = 16, LANE_TITLE = 30, CORNER = 10;
const LANES = ['host', 'container'] as const;

interface Point { x: number; y: number }
interface Placed extends Point { width: number; height: number }

interface Drawn {
  boxes: (Box & Placed)[];
  lines: (Line & Placed & { points: readonly Point[] })[];
  lanes: { where: Box['where']; left: number; right: number }[];
  width: number;
  height: number;
}

export function topologySvg(topology: Topology): string { return draw(pictureOf(topology)); }

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
function place(picture: Picture): Drawn {
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
    const at = { ...box, x: x + box.width / 2, y: top + box.height / 2 };
    x += box.width + MARGIN;
    bottom = Math.max(bottom, top + box.height + MARGIN);
    return at;
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

const STYLE = `
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328 }
.small { font-size: 11px } .dim { fill: #59636e } .name { font-weight: bold }
.lane { stroke-width: 1 } .lane.host { fill: #f1f6fd; stroke: #c5d7ee }
.lane.container { fill: #f0f8f0; stroke: #bfdcbf }
.box { fill: #ffffff; stroke: #59636e } .box.program { stroke: #0969da; stroke-width: 1.5 }
.box.inside { stroke: #1a7f37; stroke-width: 1.5 }
.line { fill: none; stroke: #59636e; stroke-width: 1.5 } .starts { stroke-dasharray: 3 4; stroke-width: 1 }
.head { fill: #59636e }
.label { fill: #ffffff; stroke: #d1d9e0 } .input { fill: #8250df } .output { fill: #0550ae }
.status { fill: #953800 } .control { fill: #1f2328 }
`;
const DARK_STYLE = `
text { fill: #e6edf3 } .dim { fill: #9198a1 }
.lane.host { fill: #0f1824; stroke: #23405f } .lane.container { fill: #0f1a13; stroke: #24502f }
.box { fill: #161b22; stroke: #9198a1 } .box.program { stroke: #4493f8 } .box.inside { stroke: #3fb950 }
.line { stroke: #9198a1 } .head { fill: #9198a1 }
.label { fill: #161b22; stroke: #3d444d } .input { fill: #c297ff } .output { fill: #79c0ff }
.status { fill: #f0883e } .control { fill: #e6edf3 }
`;

function draw(picture: Picture): string {
  const { boxes, lines, lanes, width, height } = place(picture);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(`Processes of the container ${picture.title}, and what connects them`)}</title>
<style>${STYLE}@media (prefers-color-scheme: dark) {${DARK_STYLE}}
</style>
${[
    ...lanes.map((lane) => laneSvg(lane, picture.title, height)),
    ...lines.map(lineSvg),
    ...lines.flatMap(labelSvg),
    ...boxes.map(boxSvg),
  ].join('\n')}
</svg>
`;
}

/** Also for what no XML may hold: `printable` has replaced that before. */
function escape(text: string): string {
  return text.replace(/[&<>"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one]!);
}

function text(x: number, y: number, classes: string, words: string): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}" xml:space="preserve">${escape(words)}</text>`;
}

function round(number: number): number { return Math.round(number * 10) / 10; }

function rectangle({ x, y, width, height }: Placed, classes: string, radius: number): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}" class="${classes}"/>`;
}

function laneSvg({ where, left, right }: Drawn['lanes'][number], title: string, height: number): string {
  const at = { x: left, y: MARGIN / 2, width: right - left, height: height - MARGIN };
  return rectangle(at, `lane ${where}`, CORNER) + text(left + PADDING, MARGIN / 2 + 20, 'dim', where === 'host' ? 'host' : `container ${title}`);
}

function boxSvg(box: Drawn['boxes'][number]): string {
  const left = box.x - box.width / 2, top = box.y - box.height / 2;
  const kind = box.where === 'container' ? 'inside' : box.program === 'server' ? '' : 'program';
  const lines = [...(box.about === '' ? [] : [box.about]), ...box.rows];
  return [
    rectangle({ x: left, y: top, width: box.width, height: box.height }, `box ${kind}`.trim(), 5),
    text(left + PADDING, top + PADDING + 8, 'name', box.name),
    text(left + PADDING + (box.name.length + 1) * LETTER, top + PADDING + 8, 'dim', box.pids),
    ...lines.map((line, at) => text(left + PADDING, top + PADDING + 8 + LINE_HEIGHT + at * SMALL_HEIGHT, 'small dim', line)),
  ].join('');
}

function lineSvg({ points, words, arrives }: Drawn['lines'][number]): string {
  const path = `<path d="${rounded(points)}" class="line${words.length === 0 ? ' starts' : ''}"/>`;
  return path + (arrives.below ? head(points.at(-2)!, points.at(-1)!) : '') + (arrives.above ? head(points[1]!, points[0]!) : '');
}

/** A line through the points with round corners. */
function rounded(points: readonly Point[]): string {
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

function head(from: Point, to: Point): string {
  const angle = Math.atan2(to.y - from.y, to.x - from.x);
  const corner = (turn: number): Point => ({ x: to.x - 8 * Math.cos(angle + turn), y: to.y - 8 * Math.sin(angle + turn) });
  return `<path d="M${at(to)}L${at(corner(0.4))}L${at(corner(-0.4))}Z" class="head"/>`;
}

function labelSvg({ x, y, width, height, words }: Drawn['lines'][number]): string[] {
  if (words.length === 0) return [];
  const left = x - width / 2, top = y - height / 2;
  return [
    rectangle({ x: left, y: top, width, height }, 'label', 3),
    ...words.map((one, index) => text(left + 6, top + 13 + index * SMALL_HEIGHT, `small ${one.matter}`, one.text)),
  ];
}
