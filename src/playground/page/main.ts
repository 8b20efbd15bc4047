/** The page's beginning: draws when something has changed, and at every frame while the time line plays. */
import { render } from 'lit-html';
import { DARK_STYLE, STYLE } from '../../topology/style.js';
import { App } from './app.js';
import { Follower } from './follow.js';
import { Marks } from './marks.js';
import { page } from './page.js';
import { TraceView } from './trace.js';

const PAGE_EVENTS = 100;

let isDue = false;
const due = (): void => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(frame);
};
const app = new App(due), trace = new TraceView(due), marks = new Marks(), follower = new Follower();
const dark = matchMedia('(prefers-color-scheme: dark)');
const root = document.createElement('div');

function frame(nowMs: number): void {
  isDue = false;
  const { player } = app, wasPlaying = player?.playing === true;
  player?.tick(nowMs);
  render(page(app, trace), root);
  if (!player) return;
  trace.follow(document.querySelector('#trace') ?? undefined, player);
  const stage = document.querySelector('#stage');
  if (stage) follower.follow(stage, player, app.zoom);
  const canvas = document.querySelector<HTMLCanvasElement>('#marks');
  if (canvas) marks.draw(canvas, player, dark.matches);
  if (player.playing) due();
  else if (wasPlaying) app.moved();
}

/** Whether the key belongs to what has the focus. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (target.closest('textarea, select, input:not([type=range])')) return true;
  return event.key === ' ' && target.closest('button, summary, [role=button]') !== null;
}

const KEYS: Readonly<Record<string, () => void>> = {
  ' ': () => app.toggle(),
  'ArrowLeft': () => app.step(-1), 'ArrowRight': () => app.step(1), 'ArrowUp': () => app.step(-1), 'ArrowDown': () => app.step(1),
  'PageUp': () => app.step(-PAGE_EVENTS), 'PageDown': () => app.step(PAGE_EVENTS),
  'Home': () => app.goTo(0), 'End': () => app.goTo(app.player?.last ?? 0),
  'f': () => app.seekFault(1), 'F': () => app.seekFault(-1),
  '+': () => app.faster(1), '-': () => app.faster(-1), 'Escape': () => app.choose(undefined),
};

function start(): void {
  const style = document.createElement('style');
  style.textContent = `svg.topology {${STYLE}} @media (prefers-color-scheme: dark) { svg.topology {${DARK_STYLE}} }`;
  document.head.prepend(style);
  document.body.append(root);
  document.addEventListener('keydown', (event) => {
    const act = KEYS[event.key];
    if (!act || isTaken(event)) return;
    event.preventDefault();
    act();
  });
  addEventListener('hashchange', () => void app.open(location.hash));
  addEventListener('resize', due);
  dark.addEventListener('change', due);
  void app.open(location.hash);
  due();
}

start();
