/** Frames that are on their way: in one answer, or dealt out to several side by side. Pure. */

import type { Range } from "./order";

/** So many frames in a row go to one answer: few enough that all end together, many enough for short addresses. */
const DEAL = 4;

export class Coming {
  /** Positions still to come, by answer, in the order of their coming. */
  readonly lanes: number[][];

  /** Deals `ranges` out to `count` answers in turn, so that what is wanted first comes first in each. */
  constructor(ranges: Range[] = [], count = 1) {
    const positions = ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
    const lanes = Array.from({ length: count }, (_, lane) => positions.filter((_, i) => Math.floor(i / DEAL) % count === lane));
    this.lanes = lanes.filter((lane) => lane.length);
  }

  get left(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.length, 0);
  }

  /** How many answers still have something to bring. */
  get answers(): number {
    return this.lanes.filter((lane) => lane.length).length;
  }

  /** How many frames come before this one; infinite where it does not come. */
  before(position: number): number {
    const places = this.lanes.map((lane) => lane.indexOf(position)).filter((place) => place >= 0);
    return Math.min(...places) * Math.max(1, this.answers);
  }

  /** A frame came: what was before it in its answer comes no more. */
  arrived(position: number): void {
    for (const lane of this.lanes) {
      const place = lane.indexOf(position);
      if (place >= 0) lane.splice(0, place + 1);
    }
  }
}
