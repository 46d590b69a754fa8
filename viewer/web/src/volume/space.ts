/**
 * A series as a volume: which slices belong together, where they lie, and planes through it. Pure; mm, LPS.
 *
 * Slices need not be evenly spaced, nor stand straight above each other (a tilted gantry shifts each one in its own
 * plane): every slice keeps its own place, and values between two slices come from both.
 */

import type { Facts } from "../frames";
import type { Letters } from "../placement";
import { cross, dot, planeOf, type Plane, type Vector } from "../sync";

export interface Volume {
  rows: number;
  columns: number;
  rowMm: number;
  columnMm: number;
  row: Vector;
  column: Vector;
  normal: Vector;
  /** Middle of the first pixel of the first slice. */
  origin: Vector;
  slices: Slice[];
  /** The usual distance between slices. */
  gapMm: number;
}

export interface Slice {
  /** Place in the series. */
  position: number;
  /** Distance from the first slice, rising. */
  along: number;
  /** How far the slice is shifted in its own plane, in columns and rows. */
  shiftColumns: number;
  shiftRows: number;
}

/** Why a series is no volume. */
export type NoVolume = "too few" | "no place" | "colour";

const SLICES_LEAST = 3;
const SAME = 0.9995;
const SAME_PLACE_MM = 0.01;

/** The volume that most slices of a series form. Slices at a place that is taken (other phases) are left out. */
export function volumeOf(all: (Facts | undefined)[]): Volume | NoVolume {
  if (all.some((facts) => facts?.is_colour)) return "colour";
  const placed = all.flatMap((facts, position) => {
    const plane = facts && !facts.problem ? planeOf(facts) : null;
    return plane ? [{ plane, position }] : [];
  });
  if (placed.length < SLICES_LEAST) return all.length < SLICES_LEAST ? "too few" : "no place";
  const family = largestFamily(placed);
  if (family.length < SLICES_LEAST) return "no place";
  return assemble(family);
}

type Placed = { plane: Plane; position: number };

function largestFamily(placed: Placed[]): Placed[] {
  const families: Placed[][] = [];
  for (const one of placed) {
    const own = families.find(([first]) => first && isAlike(first.plane, one.plane));
    if (own) own.push(one);
    else families.push([one]);
  }
  return families.reduce((best, family) => (family.length > best.length ? family : best), []);
}

function isAlike(one: Plane, other: Plane): boolean {
  const close = (a: number, b: number) => Math.abs(a - b) < 0.001 * Math.max(a, b);
  return (
    one.rows === other.rows &&
    one.columns === other.columns &&
    close(one.rowMm, other.rowMm) &&
    close(one.columnMm, other.columnMm) &&
    dot(one.row, other.row) > SAME &&
    dot(one.column, other.column) > SAME
  );
}

function assemble(family: Placed[]): Volume {
  const { plane } = family[0] as Placed;
  const normal = cross(plane.row, plane.column);
  const sorted = family
    .map(({ plane: own, position }) => ({ origin: own.origin, position, height: dot(own.origin, normal) }))
    .sort((one, other) => one.height - other.height || one.position - other.position)
    .filter((one, i, list) => i === 0 || one.height - (list[i - 1] as typeof one).height > SAME_PLACE_MM);
  const first = sorted[0] as (typeof sorted)[0];
  const slices = sorted.map(({ origin, position, height }): Slice => {
    const from: Vector = [origin[0] - first.origin[0], origin[1] - first.origin[1], origin[2] - first.origin[2]];
    return {
      position,
      along: height - first.height,
      shiftColumns: dot(from, plane.row) / plane.columnMm,
      shiftRows: dot(from, plane.column) / plane.rowMm,
    };
  });
  const gaps = slices.slice(1).map((slice, i) => slice.along - (slices[i] as Slice).along);
  const gapMm = gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 1;
  const { rows, columns, rowMm, columnMm, row, column } = plane;
  return { rows, columns, rowMm, columnMm, row, column, normal, origin: first.origin, slices, gapMm };
}

/** A stack of planes through a volume: the first one's first pixel, directions, pixel size, and the way to the next. */
export interface Stack {
  origin: Vector;
  row: Vector;
  column: Vector;
  /** To the next plane, unit length. */
  next: Vector;
  pixelMm: number;
  stepMm: number;
  rows: number;
  columns: number;
  total: number;
}

export type Orientation = "axial" | "coronal" | "sagittal";

/** As people look at them: from the feet, from the front, from the side; stacks run from head, front and right. */
export const LOOKS: Record<Orientation, { row: Vector; column: Vector; next: Vector }> = {
  axial: { row: [1, 0, 0], column: [0, 1, 0], next: [0, 0, -1] },
  coronal: { row: [1, 0, 0], column: [0, 0, -1], next: [0, 1, 0] },
  sagittal: { row: [0, 1, 0], column: [0, 0, -1], next: [1, 0, 0] },
};
const SIDE_MAX = 1024;
const TOTAL_MAX = 1024;

/** The directions of a stack's pictures, and of the way to the next one. */
export function directionsOf(orientation: Orientation, tilt: number, turn: number): { row: Vector; column: Vector; next: Vector } {
  let { row, column, next } = LOOKS[orientation];
  [column, next] = [turned(column, row, tilt), turned(next, row, tilt)];
  [row, next] = [turned(row, column, turn), turned(next, column, turn)];
  return { row, column, next };
}

/** Planes of one orientation through the whole volume, turned about their rows (`tilt`) and columns (`turn`), degrees. */
export function stackOf(volume: Volume, orientation: Orientation, tilt = 0, turn = 0): Stack {
  const { row, column, next } = directionsOf(orientation, tilt, turn);
  const corners = cornersOf(volume);
  const across = extent(corners, row);
  const down = extent(corners, column);
  const along = extent(corners, next);
  const finest = Math.min(volume.columnMm, volume.rowMm);
  const pixelMm = Math.max(finest, across.size / SIDE_MAX, down.size / SIDE_MAX);
  const stepMm = Math.max(Math.min(pixelMm, volume.gapMm), along.size / TOTAL_MAX);
  const columns = Math.max(1, Math.round(across.size / pixelMm));
  const rows = Math.max(1, Math.round(down.size / pixelMm));
  const total = Math.max(1, Math.round(along.size / stepMm));
  // Corners are outer ones; the first pixel's middle lies half a pixel inside.
  const at = (range: { low: number; size: number }, count: number, step: number) => range.low + (range.size - (count - 1) * step) / 2;
  const origin = sum(sum(scaled(row, at(across, columns, pixelMm)), scaled(column, at(down, rows, pixelMm))), scaled(next, at(along, total, stepMm)));
  return { origin, row, column, next, pixelMm, stepMm, rows, columns, total };
}

/** The plane of a place in the stack. */
export function planeAt(stack: Stack, place: number): Plane {
  const { row, column, rows, columns, pixelMm } = stack;
  return { origin: sum(stack.origin, scaled(stack.next, place * stack.stepMm)), row, column, rowMm: pixelMm, columnMm: pixelMm, rows, columns };
}

/** The place in the stack whose plane passes nearest to a point. */
export function placeOf(stack: Stack, point: Vector): number {
  const from: Vector = [point[0] - stack.origin[0], point[1] - stack.origin[1], point[2] - stack.origin[2]];
  return Math.min(stack.total - 1, Math.max(0, Math.round(dot(from, stack.next) / stack.stepMm)));
}

/** The middle of the volume. */
export function middleOf(volume: Volume): Vector {
  const corners = cornersOf(volume);
  return [0, 1, 2].map((axis) => corners.reduce((total, corner) => total + (corner[axis] as number), 0) / corners.length) as Vector;
}

/** The outer corners of the first and the last slice. */
function cornersOf(volume: Volume): Vector[] {
  const half = volume.gapMm / 2;
  const ends = [volume.slices[0] as Slice, volume.slices.at(-1) as Slice];
  return ends.flatMap((slice, end) => {
    const height = slice.along + (end ? half : -half);
    const middle = sum(volume.origin, scaled(volume.normal, height));
    return [-0.5, volume.columns - 0.5].flatMap((i) =>
      [-0.5, volume.rows - 0.5].map((j) =>
        sum(sum(middle, scaled(volume.row, (i + slice.shiftColumns) * volume.columnMm)), scaled(volume.column, (j + slice.shiftRows) * volume.rowMm)),
      ),
    );
  });
}

function extent(points: Vector[], direction: Vector): { low: number; size: number } {
  const places = points.map((point) => dot(point, direction));
  const low = Math.min(...places);
  return { low, size: Math.max(...places) - low };
}

/** `vector` turned about `axis` (unit length). */
export function turned(vector: Vector, axis: Vector, degrees: number): Vector {
  if (!degrees) return vector;
  const angle = (degrees * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const beside = cross(axis, vector);
  const part = dot(axis, vector) * (1 - cosine);
  return [0, 1, 2].map((i) => (vector[i] as number) * cosine + (beside[i] as number) * sine + (axis[i] as number) * part) as Vector;
}

const scaled = (vector: Vector, by: number): Vector => [vector[0] * by, vector[1] * by, vector[2] * by];
const sum = (one: Vector, other: Vector): Vector => [one[0] + other[0], one[1] + other[1], one[2] + other[2]];

const AXES: [string, string][] = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
];
const OPPOSITE: Record<string, string> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };
/** A direction gets a second letter from about 12 degrees on, as on the server. */
const OBLIQUE = 0.2;

/** What lies towards each edge of a picture with these directions. */
export function lettersOf(row: Vector, column: Vector): Letters {
  const right = direction(row);
  const bottom = direction(column);
  const opposite = (letters: string) => [...letters].map((letter) => OPPOSITE[letter]).join("");
  return { left: opposite(right), right, top: opposite(bottom), bottom };
}

function direction(vector: Vector): string {
  return vector
    .map((part, i) => ({ part, names: AXES[i] as [string, string] }))
    .sort((one, other) => Math.abs(other.part) - Math.abs(one.part))
    .filter(({ part }) => Math.abs(part) >= OBLIQUE)
    .map(({ part, names }) => names[part > 0 ? 0 : 1])
    .join("");
}
