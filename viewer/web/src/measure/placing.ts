/** Where measurements lie: on which stored image or in which plane of the patient, and where that is in other pictures. */

import type { Facts, SeriesFrames } from "../frames";
import type { Point } from "../placement";
import { planeOf, type Plane } from "../sync";
import { Reformat } from "../volume";
import type { ImageRef, MadePlane, Measurement } from "./model";
import { areSamePlane, isOwnPlane, middleOf, placesOf, pointsOn, within } from "./space";

export type Place = Pick<Measurement, "image" | "points" | "space" | "frame" | "plane">;

/** The picture that a measurement is on, and its points there. */
export interface Ground {
  series: SeriesFrames;
  position: number;
  facts: Facts;
  points: Point[];
}

const indexes = new WeakMap<SeriesFrames, Map<string, number>>();

/** The place of an image in a series; -1 where it is not of that one. */
function positionOf(image: ImageRef | null, series: SeriesFrames): number {
  if (!image) return -1;
  let index = indexes.get(series);
  if (!index) {
    index = new Map(series.facts.flatMap((facts, position) => (facts ? [[`${facts.sop}/${facts.frame_number}`, position] as const] : [])));
    if (series.factsComplete) indexes.set(series, index);
  }
  return index.get(`${image.instance}/${image.frame}`) ?? -1;
}

/** The thickness of a made plane, as documents keep it. */
export function slabOf({ slab }: Reformat): Pick<MadePlane, "slab_mm" | "projection"> {
  return { slab_mm: slab.mm, projection: slab.projection };
}

/** What a shape with these points of a picture is on: a stored image, also where a made plane lies in one; else space. */
export function placedIn(image: ImageRef, points: Point[], facts: Facts, series: SeriesFrames | null): Place {
  const onImage: Place = { image, points, space: [], frame: "", plane: null };
  const plane = planeOf(facts);
  if (!(series instanceof Reformat) || !plane) return onImage;
  const space = placesOf(points, plane);
  const nearest = series.sliceAt(middleOf(space));
  const stored = planeOf(nearest);
  if (!nearest || !stored) return onImage;
  const source = { instance: nearest.sop, frame: nearest.frame_number };
  if (!series.slab.mm && areSamePlane(stored, plane)) return { ...onImage, image: source, points: pointsOn(space, stored, Infinity) ?? [] };
  // Places mean nothing without the frame of reference that they are in (PS3.3 C.18.9).
  if (!facts.frame_of_reference) return onImage;
  return { image: null, points: [], space, frame: facts.frame_of_reference, plane: { source, row: plane.row, column: plane.column, ...slabOf(series) } };
}

/** Where a measurement lies in a picture that passes through it; null where that passes by. */
export function pointsIn(one: Measurement, facts: Facts, series: SeriesFrames | null): Point[] | null {
  const plane = planeOf(facts);
  if (!plane) return null;
  const isReformat = series instanceof Reformat;
  if (one.space.length) return one.frame && one.frame === facts.frame_of_reference ? pointsOn(one.space, plane, within(facts, isReformat)) : null;
  const own = isReformat ? planeOfImage(one.image, series.source) : null;
  return own && pointsOn(placesOf(one.points, own), plane, within(facts, true));
}

function planeOfImage(image: ImageRef | null, series: SeriesFrames): Plane | null {
  return planeOf(series.facts[positionOf(image, series)]);
}

/** The very picture that a measurement is on, where a made plane shows that; null where it shows another. */
export function groundOf(one: Measurement, facts: Facts, series: SeriesFrames, position: number): Ground | null {
  const plane = planeOf(facts);
  if (!plane || !(series instanceof Reformat)) return null;
  if (one.plane) {
    if (one.frame !== facts.frame_of_reference || positionOf(one.plane.source, series.source) < 0) return null;
    const points = isOwnPlane(one.space, one.plane, plane) ? pointsOn(one.space, plane, Infinity) : null;
    return points && { series, position, facts, points };
  }
  const at = positionOf(one.image, series.source);
  const own = series.source.facts[at];
  const stored = planeOf(own);
  return own && stored && areSamePlane(stored, plane) ? { series: series.source, position: at, facts: own, points: one.points } : null;
}

/** Whether a picture shows the pixels that grey values of a measurement speak of: of the same images, as thick. */
export function sees(one: Measurement, facts: Facts | undefined, series: SeriesFrames | null): boolean {
  if (!facts || !series) return false;
  const made = series instanceof Reformat ? series : null;
  if (!made) return one.space.length ? !one.plane?.slab_mm && positionOf(one.plane?.source ?? null, series) >= 0 : true;
  if (positionOf(one.plane?.source ?? one.image, made.source) < 0) return false;
  const { mm, projection } = made.slab;
  // A new shape is measured anew with each slab; one that was kept has the values of its own.
  if (one.plane && !one.values.length) return true;
  return mm === (one.plane?.slab_mm ?? 0) && (!mm || projection === one.plane?.projection);
}
