/** How shapes are drawn, taken by their handles and moved. Pure; points are those of the picture. */

import type { Point } from "../placement";
import { placed, polygonArea, type Scale } from "./geometry";
import type { Kind, Measurement } from "./model";

/** How many points the hand has to set; freehand follows the hand instead. */
export const STROKES: Record<Kind, number> = { length: 2, angle: 3, cobb: 4, bidirectional: 2, ellipse: 2, rectangle: 2, freehand: 0, ratio: 4, arrow: 2, text: 1 };

/** The points of a whole shape from those that the hand set. */
export function completed(kind: Kind, set: Point[], scale: Scale): Point[] {
  const [a, b] = set as [Point, Point];
  if (kind === "rectangle") return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
  if (kind === "ellipse") return boxed(a, b);
  if (kind === "bidirectional") return withShortAxis(a, b, scale);
  return set;
}

function boxed(a: Point, b: Point): Point[] {
  const middle = midway(a, b);
  return [
    { x: a.x, y: middle.y },
    { x: b.x, y: middle.y },
    { x: middle.x, y: a.y },
    { x: middle.x, y: b.y },
  ];
}

function withShortAxis(a: Point, b: Point, scale: Scale): Point[] {
  return [a, b, ...acrossAt(a, b, 0.5, 0.25, 0.25, scale)];
}

/** The ends of an axis at right angles to a-b, crossing it at `t`, reaching parts `left` and `right` of its length. */
function acrossAt(a: Point, b: Point, t: number, left: number, right: number, scale: Scale): [Point, Point] {
  const from = placed(a, scale);
  const to = placed(b, scale);
  const along = { x: to.x - from.x, y: to.y - from.y };
  const foot = { x: from.x + along.x * t, y: from.y + along.y * t };
  const back = (x: number, y: number): Point => ({ x: x / scale.width, y: y / scale.height });
  return [back(foot.x - along.y * left, foot.y + along.x * left), back(foot.x + along.y * right, foot.y - along.x * right)];
}

/** Where a point lies by the axis a-b: along it, and to its side, in parts of its length. */
function byAxis(a: Point, b: Point, point: Point, scale: Scale): { t: number; side: number } {
  const from = placed(a, scale);
  const to = placed(b, scale);
  const p = placed(point, scale);
  const along = { x: to.x - from.x, y: to.y - from.y };
  const size = along.x ** 2 + along.y ** 2 || 1;
  const offset = { x: p.x - from.x, y: p.y - from.y };
  return { t: (offset.x * along.x + offset.y * along.y) / size, side: (offset.y * along.x - offset.x * along.y) / size };
}

/** The points after handle `index` was taken to `to`. */
export function handled(shape: Pick<Measurement, "kind" | "points">, index: number, to: Point, scale: Scale): Point[] {
  const { kind, points } = shape;
  if (kind === "rectangle") return corner(points, index, to);
  if (kind === "ellipse") return axisEnd(points, index, to);
  if (kind === "bidirectional") return axes(points, index, to, scale);
  return points.map((point, i) => (i === index ? to : point));
}

function corner(points: Point[], index: number, to: Point): Point[] {
  const fixed = points[(index + 2) % 4] as Point;
  const found = [...points];
  found[index] = to;
  const isBesideInX = index % 2 === 0;
  found[(index + 1) % 4] = isBesideInX ? { x: fixed.x, y: to.y } : { x: to.x, y: fixed.y };
  found[(index + 3) % 4] = isBesideInX ? { x: to.x, y: fixed.y } : { x: fixed.x, y: to.y };
  return found;
}

/** An end of an axis moves along it; the other end stays, and the other axis goes along with the middle. */
function axisEnd(points: Point[], index: number, to: Point): Point[] {
  const opposite = points[index ^ 1] as Point;
  const end = points[index] as Point;
  const along = { x: end.x - opposite.x, y: end.y - opposite.y };
  const size = along.x ** 2 + along.y ** 2;
  if (size === 0) return points;
  const part = Math.max(0.02, ((to.x - opposite.x) * along.x + (to.y - opposite.y) * along.y) / size);
  const moved = { x: opposite.x + along.x * part, y: opposite.y + along.y * part };
  const shift = { x: (moved.x - end.x) / 2, y: (moved.y - end.y) / 2 };
  return points.map((point, i) => (i === index ? moved : i === (index ^ 1) ? point : { x: point.x + shift.x, y: point.y + shift.y }));
}

function axes([a, b, c, d]: Point[], index: number, to: Point, scale: Scale): Point[] {
  const [from, until, one, other] = [a, b, c, d] as [Point, Point, Point, Point];
  const left = byAxis(from, until, one, scale);
  const right = byAxis(from, until, other, scale);
  if (index < 2) {
    const ends: [Point, Point] = index === 0 ? [to, until] : [from, to];
    return [...ends, ...acrossAt(...ends, left.t, left.side, -right.side, scale)];
  }
  const taken = byAxis(from, until, to, scale);
  const t = Math.min(1, Math.max(0, taken.t));
  const sides: [number, number] = index === 2 ? [taken.side, -right.side] : [left.side, -taken.side];
  return [from, until, ...acrossAt(from, until, t, ...sides, scale)];
}

export function moved(points: Point[], dx: number, dy: number): Point[] {
  return points.map(({ x, y }) => ({ x: x + dx, y: y + dy }));
}

/** Where handles are; a freehand outline is moved as a whole. */
export function handlesOf({ kind, points }: Pick<Measurement, "kind" | "points">): Point[] {
  return kind === "freehand" || kind === "other" ? [] : points;
}

/** The lines of a shape as an SVG path; `at` brings a point of the picture to the screen. */
export function pathOf({ kind, points }: Pick<Measurement, "kind" | "points">, at: (point: Point) => Point): string {
  const on = points.map(at);
  const line = (some: Point[]) => `M${some.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
  switch (kind) {
    case "ellipse":
      return on.length === 4 ? ellipsePath(on) : line(on);
    case "rectangle":
    case "freehand":
      return `${line(on)}Z`;
    case "cobb":
    case "ratio":
    case "bidirectional":
      return on.length > 2 ? line(on.slice(0, 2)) + line(on.slice(2)) : line(on);
    case "arrow":
      return on.length === 2 ? arrowPath(on as [Point, Point]) : "";
    case "text":
      return "";
    default:
      return on.length > 1 ? line(on) : "";
  }
}

/** Four Bézier arcs between the ends of the axes: right under any turn or stretch. */
function ellipsePath([a, b, c, d]: Point[]): string {
  const [one, other, third, fourth] = [a, b, c, d] as [Point, Point, Point, Point];
  const K = 0.5522847498;
  const middle = midway(one, other);
  const arc = (from: Point, to: Point) => {
    const pull = (end: Point, towards: Point) => `${(end.x + (towards.x - middle.x) * K).toFixed(1)} ${(end.y + (towards.y - middle.y) * K).toFixed(1)}`;
    return `C${pull(from, to)} ${pull(to, from)} ${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
  };
  return `M${one.x.toFixed(1)} ${one.y.toFixed(1)}${arc(one, third)}${arc(third, other)}${arc(other, fourth)}${arc(fourth, one)}Z`;
}

function arrowPath([tip, tail]: [Point, Point]): string {
  const length = Math.hypot(tail.x - tip.x, tail.y - tip.y) || 1;
  const unit = { x: (tail.x - tip.x) / length, y: (tail.y - tip.y) / length };
  const barb = (side: number) => `${(tip.x + unit.x * 11 - unit.y * 5 * side).toFixed(1)} ${(tip.y + unit.y * 11 + unit.x * 5 * side).toFixed(1)}`;
  const end = `${tip.x.toFixed(1)} ${tip.y.toFixed(1)}`;
  return `M${tail.x.toFixed(1)} ${tail.y.toFixed(1)}L${end}M${barb(1)}L${end}L${barb(-1)}`;
}

function midway(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** What the server keeps of one outline (`viewer/evidence/model.py`). */
const POINTS_MOST = 2000;
/** Leaving points out of an outline that bends one way cuts all of its corners: the area may lose so much of itself. */
const AREA_PART = 0.001;
const HALVINGS = 6;
const PIXELS: Scale = { height: 1, width: 1, isMm: false, status: "unknown" };

/**
 * Fewer points for a closed outline that a hand drew: at most 2000, none farther from it than `tolerance`, and its area
 * kept to a thousandth.
 */
export function thinned(points: Point[], tolerance: number): Point[] {
  const area = polygonArea(points, PIXELS);
  let found = simplified(points, tolerance);
  for (let i = 0; i < HALVINGS && Math.abs(polygonArea(found, PIXELS) - area) > AREA_PART * area; i++) {
    tolerance /= 2;
    found = simplified(points, tolerance);
  }
  while (found.length > POINTS_MOST) found = simplified(points, (tolerance *= 1.5));
  return found;
}

/** Fewer points for a line, none farther from it than `tolerance` (Douglas-Peucker). */
export function simplified(points: Point[], tolerance: number): Point[] {
  if (points.length < 3) return points;
  const first = points[0] as Point;
  const last = points.at(-1) as Point;
  let farthest = 0;
  let index = 0;
  for (let i = 1; i < points.length - 1; i++) {
    const away = fromSegment(points[i] as Point, first, last);
    if (away > farthest) [farthest, index] = [away, i];
  }
  if (farthest <= tolerance) return [first, last];
  return [...simplified(points.slice(0, index + 1), tolerance).slice(0, -1), ...simplified(points.slice(index), tolerance)];
}

/** A line drawn back over itself ends beyond the next point: what counts is the piece between two points, not the line through them. */
function fromSegment(point: Point, a: Point, b: Point): number {
  const along = { x: b.x - a.x, y: b.y - a.y };
  const size = along.x ** 2 + along.y ** 2;
  const t = size ? Math.min(1, Math.max(0, ((point.x - a.x) * along.x + (point.y - a.y) * along.y) / size)) : 0;
  return Math.hypot(point.x - a.x - along.x * t, point.y - a.y - along.y * t);
}
