/** Values on a plane through a volume, straight from the frames in memory: no copy of the volume is made. Pure. */

import type { Values } from "../frames";
import { dot, type Plane, type Vector } from "../sync";
import type { Volume } from "./space";

/** What becomes of the values through the thickness of a slab. */
export type Projection = "maximum" | "minimum" | "mean";

export interface Slab {
  mm: number;
  projection: Projection;
}

/** What is less than so much of a pixel, or of a mm for each mm, is a rounding of numbers. */
const LEVEL = 1e-6;

export const THIN: Slab = { mm: 0, projection: "maximum" };

/** The frame of a slice (by its index in `volume.slices`); null while it is not here. */
export type FrameOf = (slice: number) => Values | null;

/**
 * Fill `out` (plane.rows x plane.columns) with values, linear between neighbours in the slice and between slices;
 * `outside` where the plane leaves the volume, and where frames are missing.
 */
export function reslice(volume: Volume, plane: Plane, slab: Slab, frameOf: FrameOf, out: Values, outside: number): void {
  const frames = volume.slices.map((_, i) => frameOf(i));
  const walk = walkOf(volume, plane);
  const offsets = offsetsThrough(volume, walk, slab);
  const sample = samplerOf(volume, frames);
  const isWhole = !(out instanceof Float32Array);
  const { projection } = slab;
  for (let row = 0; row < plane.rows; row++) {
    let i = walk.i + row * walk.iDown;
    let j = walk.j + row * walk.jDown;
    let d = walk.d + row * walk.dDown;
    const line = row * plane.columns;
    for (let column = 0; column < plane.columns; column++) {
      let result = NaN;
      let count = 0;
      for (const offset of offsets) {
        const value = sample(i + offset * walk.iThrough, j + offset * walk.jThrough, d + offset * walk.dThrough);
        if (value !== value) continue; // outside
        count += 1;
        if (count === 1) result = value;
        else if (projection === "mean") result += value;
        else if (projection === "maximum" ? value > result : value < result) result = value;
      }
      if (count === 0) out[line + column] = outside;
      else {
        const value = projection === "mean" ? result / count : result;
        out[line + column] = isWhole ? Math.round(value) : value;
      }
      i += walk.iAcross;
      j += walk.jAcross;
      d += walk.dAcross;
    }
  }
}

/**
 * Where samples are taken through a slab. Between neighbours values run in straight lines, so the greatest and the least lie
 * at a neighbour or at an end of the slab: where the way through meets all neighbours at the same depth, just there.
 */
function offsetsThrough(volume: Volume, walk: Walk, slab: Slab): number[] {
  const depths = slab.mm > 0 && slab.projection !== "mean" ? depthsOf(volume, walk) : null;
  if (!depths) return offsetsOf(slab, Math.min(volume.columnMm, volume.rowMm, volume.gapMm));
  const half = slab.mm / 2;
  return [-half, ...depths.filter((depth) => Math.abs(depth) < half), half];
}

/** Depths below the plane, in mm, of the slices, columns or rows that are parallel to it; null where none are. */
function depthsOf({ slices, columns, rows }: Volume, walk: Walk): number[] | null {
  const isLevel = (across: number, down: number) => Math.abs(across) < LEVEL && Math.abs(down) < LEVEL;
  const isAlongColumns = isLevel(walk.iThrough, walk.jThrough);
  if (isLevel(walk.dAcross, walk.dDown) && isAlongColumns) return slices.map(({ along }) => (along - walk.d) / walk.dThrough);
  // Slices that are shifted against each other have no columns and rows in common.
  if (Math.abs(walk.dThrough) > LEVEL || slices.some(({ shiftColumns, shiftRows }) => !isLevel(shiftColumns, shiftRows))) return null;
  if (isLevel(walk.iAcross, walk.iDown)) return Array.from({ length: columns }, (_, i) => (i - walk.i) / walk.iThrough);
  if (isLevel(walk.jAcross, walk.jDown)) return Array.from({ length: rows }, (_, j) => (j - walk.j) / walk.jThrough);
  return null;
}

type Walk = ReturnType<typeof walkOf>;

/** Steps in columns (i), rows (j) and mm along the slices (d) for a step across, down and through the plane. */
function walkOf(volume: Volume, plane: Plane) {
  const from: Vector = [plane.origin[0] - volume.origin[0], plane.origin[1] - volume.origin[1], plane.origin[2] - volume.origin[2]];
  const through: Vector = [
    plane.row[1] * plane.column[2] - plane.row[2] * plane.column[1],
    plane.row[2] * plane.column[0] - plane.row[0] * plane.column[2],
    plane.row[0] * plane.column[1] - plane.row[1] * plane.column[0],
  ];
  const i = (vector: Vector) => dot(vector, volume.row) / volume.columnMm;
  const j = (vector: Vector) => dot(vector, volume.column) / volume.rowMm;
  const d = (vector: Vector) => dot(vector, volume.normal);
  return {
    i: i(from),
    j: j(from),
    d: d(from),
    iAcross: i(plane.row) * plane.columnMm,
    jAcross: j(plane.row) * plane.columnMm,
    dAcross: d(plane.row) * plane.columnMm,
    iDown: i(plane.column) * plane.rowMm,
    jDown: j(plane.column) * plane.rowMm,
    dDown: d(plane.column) * plane.rowMm,
    iThrough: i(through),
    jThrough: j(through),
    dThrough: d(through),
  };
}

/** Even steps through a slab, in mm from its middle: as fine as the volume is. */
export function offsetsOf(slab: Slab, finest: number): number[] {
  if (slab.mm <= 0) return [0];
  const count = Math.max(2, Math.ceil(slab.mm / finest) + 1);
  return Array.from({ length: count }, (_, i) => -slab.mm / 2 + (slab.mm * i) / (count - 1));
}

/** The value at a place between pixels and slices; NaN outside. */
function samplerOf(volume: Volume, frames: (Values | null)[]): (i: number, j: number, d: number) => number {
  const { slices, columns, rows, gapMm } = volume;
  const count = slices.length;
  const along = Float64Array.from(slices, (slice) => slice.along);
  const shiftI = Float64Array.from(slices, (slice) => slice.shiftColumns);
  const shiftJ = Float64Array.from(slices, (slice) => slice.shiftRows);
  const last = along[count - 1] as number;
  const half = gapMm / 2;
  let k = 0;

  function flat(slice: number, i: number, j: number): number {
    const values = frames[slice];
    if (!values) return NaN;
    let x = i - (shiftI[slice] as number);
    let y = j - (shiftJ[slice] as number);
    // Half a pixel beyond the outermost centres still belongs to the picture.
    if (x < -0.5 || y < -0.5 || x > columns - 0.5 || y > rows - 0.5) return NaN;
    x = x < 0 ? 0 : x > columns - 1 ? columns - 1 : x;
    y = y < 0 ? 0 : y > rows - 1 ? rows - 1 : y;
    const x0 = x | 0;
    const y0 = y | 0;
    const fx = x - x0;
    const fy = y - y0;
    const at = y0 * columns + x0;
    const right = fx > 0 ? 1 : 0;
    const below = fy > 0 ? columns : 0;
    const upper = (values[at] as number) * (1 - fx) + (values[at + right] as number) * fx;
    if (!below) return upper;
    const lower = (values[at + below] as number) * (1 - fx) + (values[at + below + right] as number) * fx;
    return upper * (1 - fy) + lower * fy;
  }

  return (i, j, d) => {
    if (d < -half || d > last + half) return NaN;
    if (d <= 0) return flat(0, i, j);
    if (d >= last) return flat(count - 1, i, j);
    // Neighbours in the plane are mostly between the same slices.
    while (k > 0 && (along[k] as number) > d) k -= 1;
    while (k < count - 2 && (along[k + 1] as number) <= d) k += 1;
    const low = along[k] as number;
    const t = (d - low) / ((along[k + 1] as number) - low);
    if (t === 0) return flat(k, i, j);
    return flat(k, i, j) * (1 - t) + flat(k + 1, i, j) * t;
  };
}
