/** Keeps what happens in sight, where the picture is larger than its window. */
import type { Player } from './player.js';
import { boxOf } from './view.js';

const MARGIN_PX = 40;

export class Follower {
  private followed: readonly unknown[] = [];

  /** Scrolls when the process of another event is out of sight; what a person has scrolled to stays until then. */
  follow(stage: Element, { recording, at }: Player, zoom: number | undefined): void {
    const key = [recording, at, zoom], place = boxOf(recording, recording.pids[at]!);
    if (key.every((each, index) => each === this.followed[index])) return;
    this.followed = key;
    if (!place || zoom === undefined) return;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = stage, x = place.x * zoom, y = place.y * zoom;
    const halfWidth = place.width * zoom / 2 + MARGIN_PX, halfHeight = place.height * zoom / 2 + MARGIN_PX;
    const left = nearest(scrollLeft, x - halfWidth, x + halfWidth, clientWidth);
    const top = nearest(scrollTop, y - halfHeight, y + halfHeight, clientHeight);
    if (left !== scrollLeft || top !== scrollTop) stage.scrollTo(left, top);
  }
}

/** The position nearest to `now` from which all between `low` and `high` can be seen. */
function nearest(now: number, low: number, high: number, size: number): number {
  if (low < now) return Math.max(0, low);
  return high > now + size ? high - size : now;
}
