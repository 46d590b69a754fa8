/** Grey values inside a shape, as `viewer/evidence/pixels.py` has them: a pixel counts when its centre is inside. Pure. */

import type { Values } from "../frames";
import type { Point } from "../placement";

export interface Statistics {
  mean: number;
  /** Of the whole population. */
  deviation: number;
  minimum: number;
  maximum: number;
  count: number;
}

export interface Grid {
  values: Values;
  rows: number;
  columns: number;
  /** Modality values that mean "no picture here", both ends included. */
  padding: [number, number] | null;
}

/** The values of the pixels inside a closed outline (even-odd rule). */
export function insidePolygon(points: Point[], grid: Grid): number[] {
  const [left, top, right, bottom] = bounds(points, grid);
  const found: number[] = [];
  for (let row = top; row < bottom; row++) {
    const y = row + 0.5;
    const cuts = crossings(points, y);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const first = Math.max(left, Math.ceil((cuts[i] as number) - 0.5));
      const end = Math.min(right, Math.ceil((cuts[i + 1] as number) - 0.5));
      for (let column = first; column < end; column++) collect(grid, row, column, found);
    }
  }
  return found;
}

function crossings(points: Point[], y: number): number[] {
  const cuts: number[] = [];
  points.forEach((from, i) => {
    const to = points[(i + 1) % points.length] as Point;
    if (from.y > y !== to.y > y) cuts.push(from.x + ((y - from.y) * (to.x - from.x)) / (to.y - from.y));
  });
  return cuts.sort((a, b) => a - b);
}

/** The values of the pixels inside the ellipse with these ends of its two axes. */
export function insideEllipse(ends: Point[], grid: Grid): number[] {
  const [a, b, c, d] = ends as [Point, Point, Point, Point];
  const centre = { x: (a.x + b.x + c.x + d.x) / 4, y: (a.y + b.y + c.y + d.y) / 4 };
  const one = { x: (b.x - a.x) / 2, y: (b.y - a.y) / 2 };
  const two = { x: (d.x - c.x) / 2, y: (d.y - c.y) / 2 };
  const determinant = one.x * two.y - one.y * two.x;
  if (determinant === 0) return [];
  const reach = { x: Math.hypot(one.x, two.x), y: Math.hypot(one.y, two.y) };
  const corners = [
    { x: centre.x - reach.x, y: centre.y - reach.y },
    { x: centre.x + reach.x, y: centre.y + reach.y },
  ];
  const [left, top, right, bottom] = bounds(corners, grid);
  const found: number[] = [];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const x = column + 0.5 - centre.x;
      const y = row + 0.5 - centre.y;
      const u = (x * two.y - y * two.x) / determinant;
      const v = (y * one.x - x * one.y) / determinant;
      if (u * u + v * v <= 1) collect(grid, row, column, found);
    }
  }
  return found;
}

function collect({ values, columns, padding }: Grid, row: number, column: number, found: number[]): void {
  const value = values[row * columns + column] as number;
  // NaN is no value: a map is empty there.
  if (!Number.isNaN(value) && (!padding || value < padding[0] || value > padding[1])) found.push(value);
}

/** [left, top, right, bottom], ends excluded, cut to the picture. */
function bounds(points: Point[], { rows, columns }: Grid): [number, number, number, number] {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  return [
    Math.max(0, Math.floor(Math.min(...xs))),
    Math.max(0, Math.floor(Math.min(...ys))),
    Math.min(columns, Math.ceil(Math.max(...xs))),
    Math.min(rows, Math.ceil(Math.max(...ys))),
  ];
}

/** What the values come to; null where there are none. */
export function statistics(values: number[]): Statistics | null {
  if (!values.length) return null;
  let sum = 0;
  let minimum = Infinity;
  let maximum = -Infinity;
  for (const value of values) {
    sum += value;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  const mean = sum / values.length;
  const spread = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(spread / values.length), minimum, maximum, count: values.length };
}

/** How many values fall into each of `bins` equal parts from the lowest to the highest. */
export function histogram(values: number[], bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  const found = statistics(values);
  if (!found) return counts;
  const span = found.maximum - found.minimum || 1;
  for (const value of values) {
    // Multiplied first: whole numbers on the edge of two bins stay whole.
    const bin = Math.min(bins - 1, Math.floor(((value - found.minimum) * bins) / span));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}
