/** The trace beside the picture: of the thousands of lines only those that can be seen are there. */
import { html, type TemplateResult } from 'lit-html';
import { isEnd, isFault, type Player } from './player.js';
import { Kind } from '../record/recording.js';

const ROW_PX = 20;
/** Rows beyond both edges, so that a quick scroll shows no gap. */
const SPARE_ROWS = 6;

export class TraceView {
  private height = 400;
  private scrolled = 0;
  private element: HTMLElement | undefined;
  private shown = -1;

  constructor(private readonly changed: () => void) {}

  private attach(element: Element | undefined): void {
    if (element === this.element || !(element instanceof HTMLElement)) return;
    this.element = element;
    new ResizeObserver(() => {
      this.height = element.clientHeight;
      this.shown = -1;
      this.changed();
    }).observe(element);
    element.addEventListener('scroll', () => {
      this.scrolled = element.scrollTop;
      this.changed();
    }, { passive: true });
  }

  /** After the page is drawn: keeps the event in sight when it is another one. */
  follow(element: Element | undefined, { cursor, events }: Player): void {
    this.attach(element);
    if (cursor === this.shown || !this.element) return;
    this.shown = cursor;
    const most = Math.max(0, events.length * ROW_PX - this.height), middle = cursor * ROW_PX - this.height / 2;
    this.scrolled = Math.max(0, Math.min(most, middle));
    this.element.scrollTop = this.scrolled;
  }

  view(player: Player, goTo: (cursor: number) => void): TemplateResult {
    const { events, cursor } = player, most = Math.max(0, events.length * ROW_PX - this.height);
    const from = cursor === this.shown ? this.scrolled : Math.max(0, Math.min(most, cursor * ROW_PX - this.height / 2));
    const first = Math.max(0, Math.floor(from / ROW_PX) - SPARE_ROWS), last = Math.min(events.length, first + Math.ceil(this.height / ROW_PX) + 2 * SPARE_ROWS);
    const rows = Array.from({ length: Math.max(0, last - first) }, (_, index) => this.row(player, first + index));
    const onClick = (event: Event): void => {
      const row = event.target instanceof Element ? event.target.closest('[data-at]') : null;
      if (row) goTo(Number(row.getAttribute('data-at')));
    };
    return html`<div id="trace" role="listbox" tabindex="0" aria-label="trace" aria-activedescendant="event" @click=${onClick}>
      <div class="rows" style="height: ${events.length * ROW_PX}px"><div style="transform: translateY(${first * ROW_PX}px)">${rows}</div></div>
    </div>`;
  }

  private row({ recording, events, cursor }: Player, at: number): TemplateResult {
    const event = events[at]!, kind = recording.kinds[event]!, isShown = at === cursor;
    return html`<div id=${isShown ? 'event' : `row-${at}`} class=${classOf(kind)} role="option" aria-selected=${isShown} data-at=${at}
      ><span class="number">${event}</span>${recording.lines[event]}</div>`;
  }
}

function classOf(kind: number): string {
  if (isFault(kind)) return 'row fault';
  if (isEnd(kind)) return 'row end';
  if (kind === Kind.CLOCK as number) return 'row clock';
  return kind === Kind.OUTSIDE as number ? 'row outside' : 'row';
}
