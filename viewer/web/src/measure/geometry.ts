/** Lengths, angles and areas on one picture, as `viewer/evidence/plane.py` has them. Pure. */

import type { Facts, Region } from "../frames";
import type { Point } from "../placement";

/** What one pixel is: in mm, or in its own width where no scale holds (PS3.3 10.7). */
export interface Scale {
  height: number;
  width: number;
  isMm: boolean;
  status: Facts["spacing"]["status"];
}

/** The scale that holds at all of `points`: in ultrasound that of the region around them (C.8.5.5). */
export function scaleAt(points: Point[], facts: Pick<Facts, "spacing" | "regions" | "aspect">): Scale {
  const none: Scale = { height: facts.aspect, width: 1, isMm: false, status: "unknown" };
  if (facts.regions.length) {
    const around = facts.regions.filter((region) => points.every((point) => isInside(point, region)));
    const [first] = around;
    const agree = around.every((region) => region.row_mm === first?.row_mm && region.column_mm === first.column_mm);
    return first && agree ? { height: first.row_mm, width: first.column_mm, isMm: true, status: "region" } : none;
  }
  const { row_mm, column_mm, status } = facts.spacing;
  return row_mm && column_mm ? { height: row_mm, width: column_mm, isMm: true, status } : none;
}

function isInside(point: Point, region: Region): boolean {
  return point.x >= region.left && point.x <= region.right + 1 && point.y >= region.top && point.y <= region.bottom + 1;
}

export function placed(point: Point, scale: Scale): Point {
  return { x: point.x * scale.width, y: point.y * scale.height };
}

export function distance(one: Point, other: Point, scale: Scale): number {
  const a = placed(one, scale);
  const b = placed(other, scale);
  return Math.hypot(b.x - a.x, b.y - a.y);
}

/** Degrees at `vertex`, 0 to 180. */
export function angle(one: Point, vertex: Point, other: Point, scale: Scale): number {
  const v = placed(vertex, scale);
  const a = placed(one, scale);
  const b = placed(other, scale);
  return between({ x: a.x - v.x, y: a.y - v.y }, { x: b.x - v.x, y: b.y - v.y });
}

/** The smaller angle between two lines, 0 to 90, whichever way they were drawn. */
export function linesAngle(first: [Point, Point], second: [Point, Point], scale: Scale): number {
  const [a, b] = first.map((point) => placed(point, scale)) as [Point, Point];
  const [c, d] = second.map((point) => placed(point, scale)) as [Point, Point];
  const found = between({ x: b.x - a.x, y: b.y - a.y }, { x: d.x - c.x, y: d.y - c.y });
  return Math.min(found, 180 - found);
}

function between(a: Point, b: Point): number {
  const size = Math.hypot(a.x, a.y) * Math.hypot(b.x, b.y);
  if (size === 0) return 0;
  return (Math.acos(Math.min(1, Math.max(-1, (a.x * b.x + a.y * b.y) / size))) * 180) / Math.PI;
}

export function polygonArea(points: Point[], scale: Scale): number {
  const corners = points.map((point) => placed(point, scale));
  const sum = corners.reduce((total, { x, y }, i) => {
    const next = corners[(i + 1) % corners.length] as Point;
    return total + x * next.y - next.x * y;
  }, 0);
  return Math.abs(sum) / 2;
}

export function ellipseArea([a, b, c, d]: Point[], scale: Scale): number {
  return (Math.PI / 4) * distance(a as Point, b as Point, scale) * distance(c as Point, d as Point, scale);
}
