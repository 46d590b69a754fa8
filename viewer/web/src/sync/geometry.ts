/** Slices in space: planes, where they cross, which one is nearest. Pure; mm, patient coordinates (LPS). */

export type Vector = [number, number, number];

export interface Plane {
  /** Middle of the first pixel. */
  origin: Vector;
  /** Along a row (to higher columns) and down a column, unit length. */
  row: Vector;
  column: Vector;
  rowMm: number;
  columnMm: number;
  rows: number;
  columns: number;
}

export interface Placed {
  orientation: number[];
  position: number[];
  rows: number;
  columns: number;
  spacing: { row_mm: number | null; column_mm: number | null; status: string };
}

/** The plane of an image; null where it has no place in the patient. */
export function planeOf(facts: Placed | undefined): Plane | null {
  if (!facts || facts.orientation?.length !== 6 || facts.position?.length !== 3) return null;
  const { row_mm, column_mm, status } = facts.spacing;
  if (!row_mm || !column_mm || status !== "patient") return null;
  return {
    origin: facts.position as Vector,
    row: facts.orientation.slice(0, 3) as Vector,
    column: facts.orientation.slice(3, 6) as Vector,
    rowMm: row_mm,
    columnMm: column_mm,
    rows: facts.rows,
    columns: facts.columns,
  };
}

export const dot = (one: Vector, other: Vector): number => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
export const cross = (one: Vector, other: Vector): Vector => [
  one[1] * other[2] - one[2] * other[1],
  one[2] * other[0] - one[0] * other[2],
  one[0] * other[1] - one[1] * other[0],
];
const minus = (one: Vector, other: Vector): Vector => [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
const plus = (one: Vector, other: Vector, times = 1): Vector => [one[0] + other[0] * times, one[1] + other[1] * times, one[2] + other[2] * times];

export function normalOf(plane: Plane): Vector {
  return cross(plane.row, plane.column);
}

/** The point of the patient at (column, row), counted from the outer corner of the first pixel. */
export function toPatient(plane: Plane, column: number, row: number): Vector {
  return plus(plus(plane.origin, plane.row, (column - 0.5) * plane.columnMm), plane.column, (row - 0.5) * plane.rowMm);
}

/** (column, row) of the foot of a point on the plane, counted from the outer corner of the first pixel. */
export function toPlane(plane: Plane, point: Vector): { column: number; row: number } {
  const from = minus(point, plane.origin);
  return { column: dot(from, plane.row) / plane.columnMm + 0.5, row: dot(from, plane.column) / plane.rowMm + 0.5 };
}

export function distance(plane: Plane, point: Vector): number {
  return dot(minus(point, plane.origin), normalOf(plane));
}

/** Which of `planes` passes nearest to `point`: its index; -1 where there is none. */
export function nearest(planes: (Plane | null)[], point: Vector): number {
  let best = -1;
  let least = Infinity;
  planes.forEach((plane, i) => {
    const away = plane ? Math.abs(distance(plane, point)) : Infinity;
    if (away < least) [best, least] = [i, away];
  });
  return best;
}

/** Which of `planes` lies nearest to the middle of `plane`, of those that are parallel to it; -1 for none. */
export function nearestBeside(plane: Plane, planes: (Plane | null)[]): number {
  const middle = toPatient(plane, plane.columns / 2, plane.rows / 2);
  return nearest(planes.map((one) => (one && areParallel(plane, one) ? one : null)), middle);
}

/** Planes are parallel enough to be scrolled together. */
export function areParallel(one: Plane, other: Plane): boolean {
  return Math.abs(dot(normalOf(one), normalOf(other))) > 0.98;
}

/** Where the picture of `other` cuts the picture of `plane`, as two points (column, row) of `plane`; null where it does not. */
export function crossing(plane: Plane, other: Plane): [number, number, number, number] | null {
  const corners: [number, number][] = [[0, 0], [other.columns, 0], [other.columns, other.rows], [0, other.rows]];
  const points = corners.map(([column, row]) => toPatient(other, column, row));
  const sides = points.map((point) => distance(plane, point));
  const cuts: { column: number; row: number }[] = [];
  for (let i = 0; i < 4; i++) {
    const j = (i + 1) % 4;
    const [from, to] = [sides[i] as number, sides[j] as number];
    if (from < 0 === to < 0) continue;
    const share = from / (from - to);
    const [start, end] = [points[i] as Vector, points[j] as Vector];
    cuts.push(toPlane(plane, plus(start, minus(end, start), share)));
  }
  const [first, last] = cuts;
  return first && last ? [first.column, first.row, last.column, last.row] : null;
}
