/** Shapes on planes that are no stored image: in mm of the patient, whichever picture shows them. Pure. */

import type { Facts } from "../frames";
import type { Point } from "../placement";
import { cross, distance, dot, toPatient, toPlane, type Plane, type Vector } from "../sync";
import type { MadePlane } from "./model";

/** Planes and points nearer than this are the same: documents keep places in single precision. */
const SAME_MM = 0.02;
const SAME_DIRECTION = 1e-4;

/** How far from the plane of a picture something may lie to be seen on it, in mm: half a slice. */
export function within(facts: Pick<Facts, "slice_thickness" | "spacing_between_slices">, isMade: boolean): number {
  const { slice_thickness, spacing_between_slices } = facts;
  // The thickness of a made plane is that of its slab; stored slices may be thicker than they are apart.
  const mm = isMade ? slice_thickness : spacing_between_slices || slice_thickness;
  return Math.abs(mm || 1) / 2 + SAME_MM;
}

/** Points of a picture as places of the patient. */
export function placesOf(points: Point[], plane: Plane): Vector[] {
  return points.map(({ x, y }) => toPatient(plane, x, y));
}

/** Places of the patient as points of a picture; null where one lies farther than `mm` from its plane. */
export function pointsOn(places: Vector[], plane: Plane, mm: number): Point[] | null {
  if (places.some((place) => Math.abs(distance(plane, place)) > mm)) return null;
  return places.map((place) => {
    const { column, row } = toPlane(plane, place);
    return { x: column, y: row };
  });
}

/** Whether a picture's plane is the one that the places were set on. */
export function isOwnPlane(places: Vector[], { row, column }: Pick<MadePlane, "row" | "column">, plane: Plane): boolean {
  return isAlike(row, plane.row) && isAlike(column, plane.column) && pointsOn(places, plane, SAME_MM) !== null;
}

/** Whether two pictures lie in one plane, rows along rows. */
export function areSamePlane(one: Plane, other: Plane): boolean {
  return isAlike(one.row, other.row) && isAlike(one.column, other.column) && Math.abs(distance(one, other.origin)) < SAME_MM;
}

function isAlike(one: Vector, other: Vector): boolean {
  return one.every((part, i) => Math.abs(part - (other[i] as number)) < SAME_DIRECTION);
}

export function middleOf(places: Vector[]): Vector {
  return [0, 1, 2].map((axis) => places.reduce((sum, place) => sum + (place[axis] as number), 0) / places.length) as Vector;
}

/** Axial before coronal before sagittal. */
const AXES: Vector[] = [[0, 0, 1], [0, 1, 0], [1, 0, 0]];

/**
 * The direction at right angles to the plane in which places lie, for documents that do not say it; where they lie on a
 * line, of the plane through it that is turned the least.
 */
export function normalThrough(places: Vector[]): Vector {
  const [first] = places as [Vector];
  const arms = places.slice(1).map((place): Vector => [place[0] - first[0], place[1] - first[1], place[2] - first[2]]);
  const longest = arms.reduce<Vector>((best, arm) => (Math.hypot(...arm) > Math.hypot(...best) ? arm : best), [0, 0, 0]);
  const across = arms.map((arm) => cross(longest, arm)).reduce<Vector>((best, one) => (Math.hypot(...one) > Math.hypot(...best) ? one : best), [0, 0, 0]);
  const length = Math.hypot(...longest);
  if (Math.hypot(...across) > 1e-3 * length * length) return unit(across);
  const along = unit(longest);
  const usual = AXES.reduce((best, axis) => (Math.abs(dot(axis, along)) < Math.abs(dot(best, along)) - 1e-6 ? axis : best));
  const part = dot(usual, along);
  return unit([usual[0] - along[0] * part, usual[1] - along[1] * part, usual[2] - along[2] * part]);
}

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector) || 1;
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}
