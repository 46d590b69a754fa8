/** Cells that show the same patient space move together: slices by position, and on demand windows. */

import type { Cell } from "../cell";
import type { SeriesFrames } from "../frames";
import type { Room } from "../room";
import { scaledVoi } from "../windowing";
import { areParallel, nearest, nearestBeside, planeOf, toPatient, type Plane, type Vector } from "./geometry";

const planesKept = new WeakMap<object, { count: number; planes: (Plane | null)[] }>();

/** The planes of all images of a cell's series, as far as their facts are here. */
export function planesOf(cell: Cell): (Plane | null)[] {
  return cell.series ? planesOfSeries(cell.series) : [];
}

export function planesOfSeries(series: SeriesFrames): (Plane | null)[] {
  const count = series.facts.reduce((sum, facts) => sum + (facts ? 1 : 0), 0);
  const kept = planesKept.get(series);
  if (kept?.count === count) return kept.planes;
  const planes = series.facts.map((facts) => planeOf(facts?.problem ? undefined : facts));
  planesKept.set(series, { count, planes });
  return planes;
}

export function shareSpace(one: Cell, other: Cell): boolean {
  const uid = one.facts?.frame_of_reference;
  return !!uid && uid === other.facts?.frame_of_reference;
}

/** The active cell went to another slice: parallel ones go to the place nearest to its middle. */
export function followScroll(room: Room, leader: Cell): void {
  const plane = planeOf(leader.facts);
  if (!room.synced || !plane) return;
  const middle = toPatient(plane, plane.columns / 2, plane.rows / 2);
  for (const cell of room.visible) {
    if (cell === leader || !shareSpace(leader, cell)) continue;
    const own = planeOf(cell.facts);
    if (own && areParallel(plane, own)) goNearest(cell, middle);
  }
}

/** A series of the same space begins at the slice beside the one in the active cell, or else in another one. */
export function beginBeside(room: Room, cell: Cell, series: SeriesFrames): number | null {
  for (const leader of [room.cell, ...room.visible]) {
    const plane = leader === cell ? null : planeOf(leader.facts);
    if (!plane || !leader.facts?.frame_of_reference || leader.facts.frame_of_reference !== series.known?.frame_of_reference) continue;
    const place = nearestBeside(plane, planesOfSeries(series));
    if (place >= 0) return place;
  }
  return null;
}

/** Bring every other cell of the same space to the slice through `point`. */
export function goToPoint(room: Room, leader: Cell, point: Vector): void {
  for (const cell of room.visible) if (cell !== leader && shareSpace(leader, cell)) goNearest(cell, point);
}

function goNearest(cell: Cell, point: Vector): void {
  const place = nearest(planesOf(cell), point);
  if (place >= 0) cell.go(place);
}

/** The window of the active cell, in all others of the same modality. */
export function shareWindow(room: Room, leader: Cell): void {
  if (!room.windowsSynced || !leader.voi) return;
  for (const cell of room.visible) {
    if (cell === leader || cell.facts?.modality !== leader.facts?.modality) continue;
    // PET is compared by SUV: the same SUV is another activity in another patient or at another dose.
    const [from, to] = [leader.facts?.suv_factor, cell.facts?.suv_factor];
    cell.choose(from && to ? scaledVoi(leader.voi, from / to) : leader.voi);
  }
}
