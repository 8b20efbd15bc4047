/** The page: its parts, top down. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { guard } from 'lit-html/directives/guard.js';
import { live } from 'lit-html/directives/live.js';
import { KINDS, type MessageKind } from '../../wire/message.js';
import type { App } from './app.js';
import { picture } from './picture.js';
import { type Player, SPEEDS } from './player.js';
import type { TraceView } from './trace.js';

const SEED_MAX = Number.MAX_SAFE_INTEGER;
const ZOOM_STEP = 1.25, ZOOM_MIN = 0.2, ZOOM_MAX = 4;

export function page(app: App, trace: TraceView): TemplateResult {
  const { player } = app;
  return html`
    <header>
      <h1>warden <span>a simulated host</span></h1>
      ${seedForm(app)}
      ${verdict(app)}
    </header>
    <main>
      <section class="stage" aria-label="picture">
        ${player ? toolbar(app, player) : nothing}
        <div class="scroll" id="stage">${player ? html`<div class="sheet" style=${sheetSize(app, player)}>${picture(player, (pid) => app.choose(pid))}</div>` : nothing}</div>
      </section>
      ${player ? trace.view(player, (cursor) => app.goTo(cursor)) : html`<div id="trace"></div>`}
    </main>
    ${player ? timeLine(app, player) : nothing}
    <aside>${guard([app.scenario, app.decoded, app.decodeProblem], () => html`${scenarioPanel(app)}${decoderPanel(app)}${help()}`)}</aside>`;
}

function seedForm(app: App): TemplateResult {
  const run = (event: Event): void => {
    event.preventDefault();
    const seed = Number(new FormData(event.target as HTMLFormElement).get('seed'));
    if (Number.isSafeInteger(seed) && seed >= 0) void app.run({ seed });
  };
  const seed = app.seed ?? app.player?.recording.scenario.seed ?? '';
  return html`<form @submit=${run}>
    <label>seed <input name="seed" type="number" min="0" max=${SEED_MAX} step="1" required .value=${live(String(seed))}></label>
    <button>run</button>
    <button type="button" @click=${() => void app.run({ seed: Math.floor(Math.random() * 2 ** 32) })}>any seed</button>
    ${app.isRunning ? html`<button type="button" @click=${() => app.stop()}>stop</button>` : nothing}
  </form>`;
}

function verdict({ player, problem, isRunning }: App): TemplateResult {
  if (isRunning) return html`<p class="verdict" role="status">running…</p>`;
  if (problem !== undefined) return html`<p class="verdict bad" role="alert">${problem}</p>`;
  if (!player) return html`<p class="verdict" role="status"></p>`;
  const { violation, steps, lines, isCut } = player.recording, cut = isCut ? '; only the first events are kept' : '';
  return violation
    ? html`<p class="verdict bad" role="status">✗ ${violation.check}: ${violation.words}${cut}</p>`
    : html`<p class="verdict good" role="status">✓ all checks hold: ${steps} steps, ${lines.length} events${cut}</p>`;
}

function toolbar(app: App, { recording, of, at }: Player): TemplateResult {
  const zoomed = (factor: number): void => app.setZoom(Math.max(ZOOM_MIN, Math.min(ZOOM_MAX, (app.zoom ?? 1) * factor)));
  const choose = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    app.choose(value === '' ? undefined : Number(value));
  };
  return html`<div class="toolbar">
    <label>process <select @change=${choose} .value=${live(of === undefined ? '' : String(of))}>
      <option value="">all</option>
      ${guard([recording, of], () => recording.processes.map(({ pid, name }) => html`<option value=${pid} ?selected=${pid === of}>${name}(${pid})</option>`))}
    </select></label>
    <span class="grow"></span>
    <output>event ${at} · ${recording.timesMs[at]} ms</output>
    <button aria-label="smaller" @click=${() => zoomed(1 / ZOOM_STEP)}>−</button>
    <button aria-label="larger" @click=${() => zoomed(ZOOM_STEP)}>+</button>
    <button aria-pressed=${app.zoom === undefined} @click=${() => app.setZoom(undefined)}>fit</button>
  </div>`;
}

function sheetSize({ zoom }: App, { recording: { layout } }: Player): string {
  return zoom === undefined ? '' : `width: ${layout.width * zoom}px; height: ${layout.height * zoom}px`;
}

function timeLine(app: App, player: Player): TemplateResult {
  const { cursor, last, playing, speed, recording, at } = player;
  const setSpeed = (event: Event): void => {
    player.speed = Number((event.target as HTMLSelectElement).value);
    app.moved();
  };
  return html`<footer>
    <canvas id="marks" aria-hidden="true"></canvas>
    <input id="time" type="range" min="0" max=${last} step="1" .value=${live(String(cursor))} aria-label="event"
      aria-valuetext="event ${at}: ${recording.lines[at]}" @input=${(event: Event) => app.goTo(Number((event.target as HTMLInputElement).value))}>
    <div class="controls">
      <button @click=${() => app.goTo(0)}>start</button>
      <button @click=${() => app.step(-1)}>◀ step</button>
      <button class="play" @click=${() => app.toggle()}>${playing ? 'pause' : 'play'}</button>
      <button @click=${() => app.step(1)}>step ▶</button>
      <button @click=${() => app.goTo(last)}>end</button>
      <button @click=${() => app.seekFault(-1)}>◀ fault</button>
      <button @click=${() => app.seekFault(1)}>fault ▶</button>
      <label>events a second <select @change=${setSpeed}>
        ${SPEEDS.map((each, index) => html`<option value=${index} ?selected=${index === speed}>${each}</option>`)}
      </select></label>
      <code class="now">${recording.lines[at]}</code>
    </div>
  </footer>`;
}

function scenarioPanel(app: App): TemplateResult {
  const text = (): string => document.querySelector<HTMLTextAreaElement>('#scenario')!.value;
  const run = (): void => {
    app.scenario = text();
    void app.run({ scenario: app.scenario });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !event.ctrlKey) return;
    event.preventDefault();
    run();
  };
  return html`<details id="scenario-panel">
    <summary>scenario</summary>
    <p>What the seed made. Change it and run it; the address then holds your scenario.</p>
    <textarea id="scenario" aria-label="scenario, as JSON" spellcheck="false" rows="14" .value=${app.scenario} @keydown=${onKey}
      @input=${() => { app.scenario = text(); }}></textarea>
    <button @click=${run}>run this scenario</button>
  </details>`;
}

function decoderPanel(app: App): TemplateResult {
  const decode = (event: Event): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement), kind = form.get('kind') as string;
    void app.decode(form.get('message') as string, kind === '' ? undefined : kind as MessageKind);
  };
  return html`<details id="decoder-panel">
    <summary>decode a message</summary>
    <form @submit=${decode}>
      <p>Bytes as xxd, hexdump, od or strace print them.</p>
      <textarea name="message" aria-label="message" spellcheck="false" rows="5" required></textarea>
      <label>kind <select name="kind"><option value="">any</option>${KINDS.map((kind) => html`<option>${kind}</option>`)}</select></label>
      <button>decode</button>
    </form>
    <div aria-live="polite">
      ${app.decodeProblem === undefined ? nothing : html`<p class="verdict bad">${app.decodeProblem}</p>`}
      ${app.decoded ? html`<pre tabindex="0" aria-label="what the message says">${app.decoded.text}</pre>` : nothing}
    </div>
  </details>`;
}

const KEYS: readonly (readonly [key: string, what: string])[] = [
  ['space', 'play, pause'], ['← →', 'an event back, forward'], ['Page Up, Page Down', '100 events'], ['Home, End', 'the beginning, the end'],
  ['f, F', 'the next fault, the one before'], ['+ −', 'faster, slower'], ['Escape', 'all processes'], ['Enter on a process', 'only its events'],
  ['Ctrl+Enter', 'in the scenario: run it'],
];

function help(): TemplateResult {
  return html`<details>
    <summary>keys, and what the picture shows</summary>
    <dl>${KEYS.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
    <p>A box is a process, a line all that connects two of them; numbers at a line are descriptors, above and below. Behind
      them stand the bytes that nobody has read yet. A disc is bytes on their way, a diamond descriptors with them. The caller
      is whoever started the programs. The bars of an iomux-spawn are its rings: filled with what is kept, a stroke for each
      link. Boxes keep their places; a process takes the place of one of its kind that has ended.</p>
  </details>`;
}
