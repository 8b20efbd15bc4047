/** The picture: what stands as `warden topology` draws it, and over it what happens at one event. */
import { nothing, svg, type TemplateResult } from 'lit-html';
import { guard } from 'lit-html/directives/guard.js';
import { repeat } from 'lit-html/directives/repeat.js';
import type { Line } from '../../topology/picture.js';
import { CORNER, head, LETTER, LINE_HEIGHT, MARGIN, PADDING, type Placed, rounded, SMALL_HEIGHT } from '../../topology/places.js';
import { RING_ROWS } from '../record/layout.js';
import type { Moment } from '../record/pictures.js';
import { momentAt, type Recording } from '../record/recording.js';
import { boxOf, bytesInWords, fillsAt, lineKey, type RingView, ringsAt, type Token, tokensAt } from './view.js';
import { isFault, type Player } from './player.js';

type Choose = (pid: number) => void;
type Box = Moment['boxes'][number];

const TEXT_TOP = PADDING + 8, LABEL_LEFT = 6, LABEL_TOP = 13;
const FAULT_TEXT = /\(fault: (.*)\)$/;

function left({ x, width }: Placed): number { return x - width / 2; }
function top({ y, height }: Placed): number { return y - height / 2; }

export function picture(player: Player, choose: Choose): TemplateResult {
  const { recording, at } = player, { layout } = recording, moment = momentAt(recording, at);
  return svg`<svg class="topology" viewBox="0 0 ${layout.width} ${layout.height}" role="group" aria-label="processes, and what connects them">
    ${guard([recording], () => layout.lanes.map((lane) => laneOf(lane, layout.height)))}
    ${guard([recording, moment, player.of], () => standing(recording, moment, player.of, choose))}
    ${happening(player, moment)}
  </svg>`;
}

function laneOf({ where, left: x, right }: Recording['layout']['lanes'][number], height: number): TemplateResult {
  return svg`<rect class="lane ${where}" x=${x} y=${MARGIN / 2} width=${right - x} height=${height - MARGIN} rx=${CORNER}></rect>
    <text class="dim" x=${x + PADDING} y=${MARGIN / 2 + 20}>${where === 'host' ? 'host' : 'container'}</text>`;
}

function standing(recording: Recording, { boxes, lines }: Moment, of: number | undefined, choose: Choose): TemplateResult {
  const key = (line: Line): string => lineKey(line, recording);
  return svg`${repeat(lines, key, (line) => lineOf(recording, line))}${repeat(lines, key, (line) => labelOf(recording, line))}
    ${repeat(boxes, ({ id }) => id, (box) => boxView(recording, box, box.id === of, choose))}`;
}

function lineOf(recording: Recording, line: Line): TemplateResult | typeof nothing {
  const place = recording.layout.lines[lineKey(line, recording)];
  if (!place) return nothing;
  const { points } = place, { above, below } = line.arrives;
  return svg`<path class="line ${line.words.length === 0 ? 'starts' : ''}" d=${rounded(points)}></path>
    ${below ? headOf(head(points.at(-2)!, points.at(-1)!)) : nothing}${above ? headOf(head(points[1]!, points[0]!)) : nothing}`;
}

function headOf(outline: string): TemplateResult { return svg`<path class="head" d=${outline}></path>`; }

function labelOf(recording: Recording, line: Line): TemplateResult | typeof nothing {
  const place = recording.layout.lines[lineKey(line, recording)];
  if (!place || line.words.length === 0) return nothing;
  const x = left(place), y = top(place), height = line.words.length * SMALL_HEIGHT + 6;
  return svg`<rect class="label" x=${x} y=${y} width=${place.width} height=${height} rx="3"></rect>
    ${line.words.map(({ text, matter }, index) => svg`<text class="small ${matter}" x=${x + LABEL_LEFT} y=${y + LABEL_TOP + index * SMALL_HEIGHT}>${text}</text>`)}`;
}

function boxView(recording: Recording, box: Box, isChosen: boolean, choose: Choose): TemplateResult | typeof nothing {
  const place = boxOf(recording, box.id);
  if (!place) return nothing;
  const x = left(place), y = top(place), outside = box.program === 'server' ? '' : 'program';
  const kind = box.where === 'container' ? 'inside' : outside, lines = [...box.about === '' ? [] : [box.about], ...box.rows];
  const act = (): void => choose(box.id);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  return svg`<g class="process ${box.mark}" role="button" tabindex="0" aria-pressed=${isChosen} aria-label="only ${box.name} ${box.pids}${box.mark && `, ${box.mark}`}"
      @click=${act} @keydown=${onKey}>
    <rect class="box ${kind} ${isChosen ? 'chosen' : ''}" x=${x} y=${y} width=${place.width} height=${place.height} rx="5"></rect>
    <text class="name" x=${x + PADDING} y=${y + TEXT_TOP}>${box.name}</text>
    <text class="dim" x=${x + PADDING + (box.name.length + 1) * LETTER} y=${y + TEXT_TOP}>${box.pids}${box.mark && ` ${box.mark}`}</text>
    ${lines.map((line, index) => svg`<text class="small dim" x=${x + PADDING} y=${y + TEXT_TOP + LINE_HEIGHT + index * SMALL_HEIGHT}>${line}</text>`)}
  </g>`;
}

/** What changes at every event. */
function happening(player: Player, moment: Moment): TemplateResult {
  const { recording, at } = player, place = boxOf(recording, recording.pids[at]!);
  const fault = isFault(recording.kinds[at]!) ? FAULT_TEXT.exec(recording.lines[at]!)?.[1] ?? 'trap' : undefined;
  return svg`${moment.lines.map((line) => fillsOf(recording, line, at))}
    ${ringsAt(recording, at).map((ring, index) => ringOf(recording, ring, index % RING_ROWS))}
    ${place ? acting(place, fault) : nothing}
    ${tokensAt(recording, at, player.progress).map(tokenOf)}`;
}

function fillsOf(recording: Recording, line: Line, at: number): TemplateResult | typeof nothing {
  const place = recording.layout.lines[lineKey(line, recording)], fill = fillsAt(recording, at);
  if (!place) return nothing;
  const right = left(place) + place.width - LABEL_LEFT;
  return svg`${line.words.map(({ channel }, index) => {
    const bytes = fill(channel);
    return bytes === 0 ? nothing : svg`<text class="small fill" text-anchor="end" x=${right} y=${top(place) + LABEL_TOP + index * SMALL_HEIGHT}>${bytesInWords(bytes)}</text>`;
  })}`;
}

/** The ring as a bar: what of it holds bytes, and where each link is. */
function ringOf(recording: Recording, { ring, head: written, links }: RingView, row: number): TemplateResult | typeof nothing {
  const place = boxOf(recording, ring.pid);
  if (!place) return nothing;
  const name = 48, x = left(place) + PADDING + name, width = place.width - 2 * PADDING - name;
  const y = top(place) + place.height - PADDING - (RING_ROWS - row) * SMALL_HEIGHT + 2, kept = Math.min(written, ring.size);
  const at = (position: number): number => x + width * Math.max(0, Math.min(1, 1 - (written - position) / ring.size));
  const about = `${ring.stream}: a ring of ${bytesInWords(ring.size)}, ${bytesInWords(written)} came`;
  return svg`<text class="small dim" x=${left(place) + PADDING} y=${y + 9}>${ring.stream}</text>
    <rect class="ring" x=${x} y=${y} width=${width} height="9"><title>${about}</title></rect>
    <rect class="kept" x=${at(written - kept)} y=${y} width=${width * kept / ring.size} height="9"></rect>
    ${links.map((position) => svg`<path class="reader" d="M${at(position)} ${y + 11}v-13"></path>`)}`;
}

function acting(place: Placed, fault: string | undefined): TemplateResult {
  const x = left(place), y = top(place);
  return svg`<rect class="acting ${fault === undefined ? '' : 'faulty'}" x=${x - 3} y=${y - 3} width=${place.width + 6} height=${place.height + 6} rx="8"></rect>
    ${fault === undefined ? nothing : svg`<text class="name fault" x=${x} y=${y - 8}>✗ ${fault}</text>`}`;
}

function tokenOf({ x, y, bytes, descriptors, past }: Token): TemplateResult {
  const words = [...bytes > 0 ? [bytesInWords(bytes)] : [], ...descriptors > 0 ? [`${descriptors} descriptors`] : []].join(' + ');
  const width = words.length * 6.7 + 12;
  return svg`${past ? svg`<path class="line starts" d=${rounded(past)}></path>` : nothing}<g class="token" transform="translate(${x} ${y})">
    ${descriptors > 0 ? svg`<path d="M0 -9L9 0L0 9L-9 0Z"></path>` : svg`<circle r="7"></circle>`}
    <rect x="12" y="-9" width=${width} height="18" rx="9"></rect><text class="small" x="18" y="4">${words}</text>
  </g>`;
}
