/** Ways to what was measured: the image, or the plane, that it is on. */

import type { Room } from "../room";
import { lookAlong, lookOf, theVolumes, THIN } from "../volume";
import type { ImageRef, Measurement } from "./model";
import { middleOf, normalThrough } from "./space";

/** What the name of an image begins with that is made here, and stored nowhere. */
export const MADE = "~";

interface Found {
  series: string;
  position: number;
}

/** Show an image in the cell that has its series, else in the active one; false where it is not found. */
export async function showImage(room: Room, image: ImageRef): Promise<boolean> {
  const found = await find(room, image);
  if (!found) return false;
  const cell = room.visible.find((other) => other.series?.uid === found.series) ?? room.cell;
  room.activate(cell.index);
  if (cell.series?.uid === found.series) room.go(cell, found.position);
  else room.open(cell, found.series, found.position);
  return true;
}

/**
 * Show the plane that a measurement was drawn on; where its document does not say which, one through its points. Returns
 * in words why it cannot be made, "" where it can, or where nothing of that space is here.
 */
export async function showPlane(room: Room, one: Measurement): Promise<string> {
  const found = (one.plane && (await find(room, one.plane.source))) ?? (await findSpace(room, one.frame));
  if (!found) return "";
  const volumes = theVolumes(room);
  const look = one.plane ? lookOf(one.plane.row, one.plane.column) : lookAlong(normalThrough(one.space));
  const slab = one.plane ? { mm: one.plane.slab_mm, projection: one.plane.projection } : THIN;
  return (await volumes.showLook(found.series, found.position, look, middleOf(one.space), slab)) ? "" : volumes.problem;
}

/** The first series with a frame of reference that planes can be made from, those on the screen before others. */
async function findSpace(room: Room, frame: string): Promise<Found | null> {
  for (const uid of searched(room)) {
    await room.library.factsOf(uid);
    const series = room.library.get(uid);
    if (frame && series.known?.frame_of_reference === frame && (await theVolumes(room).volume(series))) return { series: uid, position: 0 };
  }
  return null;
}

function searched(room: Room): Set<string> {
  const shown = room.visible.flatMap((cell) => (cell.series ? [cell.series.needs] : []));
  const guests = room.guests.filter((series) => series.frames > 0);
  return new Set([...shown, ...[...room.series, ...guests].map((series) => series.uid)]);
}

async function find(room: Room, image: ImageRef): Promise<Found | null> {
  if (image.instance.startsWith(MADE)) {
    const [series, sop] = image.instance.slice(MADE.length).split("/") as [string, string];
    if (!room.library.has(series) && !(await theVolumes(room).remake(series))) return null;
    const position = room.library.get(series).facts.findIndex((facts) => facts?.sop === sop && facts.frame_number === image.frame);
    return position >= 0 ? { series, position } : null;
  }
  for (const uid of searched(room)) {
    await room.library.factsOf(uid);
    const position = room.library.get(uid).facts.findIndex((facts) => facts?.sop === image.instance && facts.frame_number === image.frame);
    if (position >= 0) return { series: uid, position };
  }
  return null;
}
