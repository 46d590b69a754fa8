/** From what the hand does to the points of a new shape: by dragging, or by a click for each point. Pure. */

import type { Point } from "../placement";
import type { Kind } from "./model";
import { STROKES } from "./shapes";

/** A hand that moved less than this many CSS pixels has clicked. */
const CLICK = 5;

export class Draft {
  points: Point[] = [];
  /** Where the next point would be. */
  floating: Point | null = null;
  private pressedAt: Point | null = null;

  constructor(
    readonly kind: Kind,
    private readonly isTouch: boolean,
  ) {}

  get needed(): number {
    return STROKES[this.kind];
  }

  get isDone(): boolean {
    return this.kind !== "freehand" && this.points.length >= this.needed;
  }

  /** All points as they would be now. */
  get shown(): Point[] {
    return this.floating && !this.isDone ? [...this.points, this.floating] : this.points;
  }

  /** `at` is the point of the picture, `on` that of the screen. */
  down(at: Point, on: Point): void {
    this.pressedAt = on;
    this.points.push(at);
    this.floating = this.kind === "freehand" || this.isDone ? null : at;
  }

  move(at: Point): void {
    if (this.kind === "freehand") {
      if (this.pressedAt) this.points.push(at);
    } else if (this.floating) this.floating = at;
  }

  /** Returns true when the shape is whole. */
  up(at: Point, on: Point): boolean {
    const from = this.pressedAt;
    this.pressedAt = null;
    if (this.kind === "freehand") return this.points.push(at) > 2;
    const dragged = from !== null && Math.hypot(on.x - from.x, on.y - from.y) >= CLICK;
    if (this.floating && dragged && !this.isDone) {
      this.points.push(at);
      // A second line begins where the hand comes down next; an arm of an angle follows the mouse at once.
      this.floating = this.kind === "angle" && !this.isTouch && !this.isDone ? at : null;
    }
    return this.isDone;
  }
}
