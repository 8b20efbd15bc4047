/** Draws the picture as SVG. Readable on light and on dark ground. */
import type { Topology } from './model.js';
import { type Picture, pictureOf } from './picture.js';
import { CORNER, type Drawn, head, LETTER, LINE_HEIGHT, MARGIN, PADDING, place, type Placed, round, rounded, SMALL_HEIGHT } from './places.js';
import { DARK_STYLE, STYLE } from './style.js';

export function topologySvg(topology: Topology): string { return draw(pictureOf(topology)); }

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

/** Escapes text for XML. Characters that XML cannot hold were replaced by `printable` before. */
function escape(words: string): string {
  return words.replace(/[&<>"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one]!);
}

function text(x: number, y: number, classes: string, words: string): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}" xml:space="preserve">${escape(words)}</text>`;
}

function rectangle({ x, y, width, height }: Placed, classes: string, radius: number): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}" class="${classes}"/>`;
}

function laneSvg({ where, left, right }: Drawn['lanes'][number], title: string, height: number): string {
  const lane = { x: left, y: MARGIN / 2, width: right - left, height: height - MARGIN };
  return rectangle(lane, `lane ${where}`, CORNER) + text(left + PADDING, MARGIN / 2 + 20, 'dim', where === 'host' ? 'host' : `container ${title}`);
}

function boxSvg(box: Drawn['boxes'][number]): string {
  const left = box.x - box.width / 2, top = box.y - box.height / 2;
  const hostKind = box.program === 'server' ? '' : 'program', kind = box.where === 'container' ? 'inside' : hostKind;
  const lines = [...(box.about === '' ? [] : [box.about]), ...box.rows];
  return [
    rectangle({ x: left, y: top, width: box.width, height: box.height }, `box ${kind}`.trim(), 5),
    text(left + PADDING, top + PADDING + 8, 'name', box.name),
    text(left + PADDING + (box.name.length + 1) * LETTER, top + PADDING + 8, 'dim', box.pids),
    ...lines.map((line, row) => text(left + PADDING, top + PADDING + 8 + LINE_HEIGHT + row * SMALL_HEIGHT, 'small dim', line)),
  ].join('');
}

function lineSvg({ points, words, arrives }: Drawn['lines'][number]): string {
  const path = `<path d="${rounded(points)}" class="line${words.length === 0 ? ' starts' : ''}"/>`;
  const heads = [...arrives.below ? [head(points.at(-2)!, points.at(-1)!)] : [], ...arrives.above ? [head(points[1]!, points[0]!)] : []];
  return path + heads.map((outline) => `<path d="${outline}" class="head"/>`).join('');
}

function labelSvg({ x, y, width, height, words }: Drawn['lines'][number]): string[] {
  if (words.length === 0) return [];
  const left = x - width / 2, top = y - height / 2;
  return [
    rectangle({ x: left, y: top, width, height }, 'label', 3),
    ...words.map((one, index) => text(left + 6, top + 13 + index * SMALL_HEIGHT, `small ${one.matter}`, one.text)),
  ];
}
