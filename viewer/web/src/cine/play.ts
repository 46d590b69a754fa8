import type { Cell } from "../cell";
import type { Room } from "../room";
import { Clock, limitedRate } from "./clock";

/** Start or stop playing the active cell, at the object's own rate unless the person set another. */
export function togglePlay(room: Room): void {
  const { cell } = room;
  if (cell.playing) {
    cell.playing = false;
    return;
  }
  if (cell.total < 2) return;
  if (!cell.rate) cell.rate = limitedRate(cell.facts?.cine.frames_per_second);
  cell.playing = true;
  const clock = new Clock(performance.now(), cell.rate);
  requestAnimationFrame(function tick(now) {
    if (!cell.playing) return;
    clock.rate = cell.rate;
    const steps = clock.steps(now);
    if (steps && !advance(room, cell, steps)) clock.wait(now);
    requestAnimationFrame(tick);
  });
}

/** Go on by at most so many images that are here, from the last to the first; false while the next one is not here. */
function advance(room: Room, cell: Cell, steps: number): boolean {
  const { series } = cell;
  if (!series) return true;
  for (let step = Math.min(steps, cell.total); step > 0; step--) {
    const target = (cell.position + step) % cell.total;
    if (series.isSettled(target)) {
      room.go(cell, target);
      return true;
    }
  }
  return false;
}
