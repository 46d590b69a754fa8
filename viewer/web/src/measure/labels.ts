/** Where the texts of shapes stand: beside their shape, in sight, and not over each other. Pure; CSS pixels of a cell. */

import type { Point, Size } from "../placement";
import type { Measurement } from "./model";

export const LINE_HEIGHT = 15;
/** What a character takes of the 12.5 px face, a little more than on average. */
const CHARACTER = 7;
const GAP = 8;
const EDGE = 4;

export interface Labelled {
  kind: Measurement["kind"];
  /** Its points on the screen. */
  on: Point[];
  lines: string[];
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** For each shape the left end of its first line. Earlier ones have the first choice. */
export function labelPlaces(shapes: Labelled[], cell: Size): Point[] {
  const taken: Box[] = [];
  return shapes.map((shape) => {
    if (!shape.on.length || !shape.lines.length) return { x: 0, y: 0 };
    const size = sizeOf(shape.lines);
    const wished = wishes(shape, size);
    const isFree = (at: Point) => isInside(boxAt(at, size), cell) && !taken.some((other) => overlap(other, boxAt(at, size)));
    const place = wished.find(isFree) ?? pushed(wished.map((at) => inSight(at, size, cell)), size, taken, cell);
    taken.push(boxAt(place, size));
    return place;
  });
}

function sizeOf(lines: string[]): Size {
  return { width: Math.max(...lines.map((line) => line.length)) * CHARACTER, height: lines.length * LINE_HEIGHT };
}

/** Right of the shape, left of it, below, above. Texts and arrows speak of where they end. */
function wishes({ kind, on }: Labelled, { width, height }: Size): Point[] {
  const xs = on.map(({ x }) => x);
  const ys = on.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const end = on.at(-1) as Point;
  const isPointing = kind === "text" || kind === "arrow";
  const y = isPointing ? end.y + 5 : ys.reduce((sum, one) => sum + one, 0) / ys.length;
  const x = (left + right - width) / 2;
  const beside: Point[] = isPointing
    ? [{ x: end.x + 6, y }, { x: end.x - 6 - width, y }]
    : [{ x: right + GAP, y }, { x: left - GAP - width, y }];
  return [...beside, { x, y: bottom + LINE_HEIGHT + EDGE }, { x, y: top - height + EDGE }];
}

/** Where no wish is free: the first place in sight below or above one of them that is. */
function pushed(wished: Point[], size: Size, taken: Box[], cell: Size): Point {
  const first = wished[0] as Point;
  for (const { x, y } of wished) {
    for (let step = 1; step * LINE_HEIGHT < cell.height; step++) {
      for (const by of [step * LINE_HEIGHT, -step * LINE_HEIGHT]) {
        const box = boxAt({ x, y: y + by }, size);
        if (isInside(box, cell) && !taken.some((other) => overlap(other, box))) return { x, y: y + by };
      }
    }
  }
  return first;
}

function inSight({ x, y }: Point, { width, height }: Size, cell: Size): Point {
  const low = LINE_HEIGHT;
  return {
    x: Math.max(EDGE, Math.min(x, cell.width - width - EDGE)),
    y: Math.max(low, Math.min(y, cell.height - height + low - EDGE)),
  };
}

/** The first line stands on `at`. */
function boxAt({ x, y }: Point, { width, height }: Size): Box {
  return { left: x, top: y - LINE_HEIGHT + EDGE, right: x + width, bottom: y - LINE_HEIGHT + EDGE + height };
}

function isInside({ left, top, right, bottom }: Box, cell: Size): boolean {
  return left >= 0 && top >= 0 && right <= cell.width && bottom <= cell.height;
}

function overlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
