/** The strip above the time line: where a fault struck, where a process ended, where time passed. */
import { isEnd, isFault, type Player } from './player.js';
import { Kind } from '../record/recording.js';

const COLORS = ['--mark-clock', '--mark-end', '--mark-fault'] as const;

function levelOf(kind: number): number {
  if (isFault(kind)) return 3;
  if (isEnd(kind)) return 2;
  return kind === Kind.CLOCK as number ? 1 : 0;
}

export class Marks {
  private drawn: readonly unknown[] = [];

  /** Draws anew when the events, the width or the colours are others. */
  draw(canvas: HTMLCanvasElement, { events, recording }: Player, isDark: boolean): void {
    const width = canvas.clientWidth, ratio = globalThis.devicePixelRatio, key = [events, width, ratio, isDark];
    if (width === 0 || key.every((each, index) => each === this.drawn[index])) return;
    this.drawn = key;
    canvas.width = width * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const levels = new Uint8Array(width), scale = (width - 1) / Math.max(1, events.length - 1);
    events.forEach((event, at) => {
      const x = Math.round(at * scale);
      levels[x] = Math.max(levels[x]!, levelOf(recording.kinds[event]!));
    });
    const context = canvas.getContext('2d')!, style = getComputedStyle(canvas);
    const colors = COLORS.map((name) => style.getPropertyValue(name));
    levels.forEach((level, x) => {
      if (level === 0) return;
      context.fillStyle = colors[level - 1]!;
      const height = canvas.height * (level + 1) / 4;
      context.fillRect(x * ratio, canvas.height - height, Math.max(1, (level === 3 ? 2 : 1) * ratio), height);
    });
  }
}
