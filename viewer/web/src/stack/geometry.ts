/** What can be wrong with a stack of slices. Pure. */

import { cross, dot, type Vector } from "../sync";

export interface Lying {
  orientation: number[];
  position: number[];
  rows: number;
  columns: number;
}

export type Flaw =
  | { kind: "sizes" }
  | { kind: "orientations" }
  | { kind: "gap"; after: number; missing: number }
  | { kind: "irregular"; least: number; most: number };

/** Spacings that differ by less than this share (and 0.05 mm) count as equal: what rounding in headers does. */
const TOLERANCE = 0.05;
const TOLERANCE_MM = 0.05;
const PARALLEL = 0.999;

/** The flaws of a stack in the order of its images; images without geometry are left out. */
export function flawsOf(slices: Lying[]): Flaw[] {
  const flaws: Flaw[] = [];
  const first = slices[0];
  if (!first) return flaws;
  if (slices.some((slice) => slice.rows !== first.rows || slice.columns !== first.columns)) flaws.push({ kind: "sizes" });
  const placed = slices.map((slice, i) => ({ slice, i })).filter(({ slice }) => slice.orientation.length === 6 && slice.position.length === 3);
  if (placed.length < 3) return flaws;
  const normal = normalOf((placed[0] as (typeof placed)[0]).slice);
  if (placed.some(({ slice }) => Math.abs(dot(normalOf(slice), normal)) < PARALLEL)) return [...flaws, { kind: "orientations" }];
  const along = placed.map(({ slice }) => dot(slice.position as Vector, normal));
  return [...flaws, ...spacingFlaws(along, placed.map(({ i }) => i))];
}

function normalOf(slice: Lying): Vector {
  return cross(slice.orientation.slice(0, 3) as Vector, slice.orientation.slice(3, 6) as Vector);
}

function spacingFlaws(along: number[], indexes: number[]): Flaw[] {
  const steps = along.slice(1).map((value, i) => value - (along[i] as number));
  // Several acquisitions of the same places (time, echo) make no stack whose gaps mean anything.
  const directions = new Set(steps.filter((step) => Math.abs(step) > TOLERANCE_MM).map(Math.sign));
  if (directions.size !== 1 || steps.some((step) => Math.abs(step) <= TOLERANCE_MM)) return [];
  const sizes = steps.map(Math.abs);
  const usual = [...sizes].sort((one, other) => one - other)[Math.floor(sizes.length / 2)] as number;
  const isUsual = (size: number) => Math.abs(size - usual) <= Math.max(usual * TOLERANCE, TOLERANCE_MM);
  const odd = sizes.map((size, i) => ({ size, i })).filter(({ size }) => !isUsual(size));
  const flaws: Flaw[] = [];
  for (const { size, i } of odd) {
    const times = Math.round(size / usual);
    if (times >= 2 && Math.abs(size - times * usual) <= usual * TOLERANCE * times) {
      flaws.push({ kind: "gap", after: indexes[i] as number, missing: times - 1 });
    }
  }
  if (odd.length > flaws.length) flaws.push({ kind: "irregular", least: Math.min(...sizes), most: Math.max(...sizes) });
  return flaws;
}
