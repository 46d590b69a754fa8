/** Addresses of what can be taken out: pictures at true resolution, files, a series, a page for paper. Pure. */

import type { Cell } from "../cell";
import type { ImageRef } from "../measure";
import type { ColourMap } from "../palettes";
import type { Room } from "../room";
import type { Window } from "../windowing";

/** The image in a cell as a picture, in the window that is chosen; null for a plane that was made here. */
export function pictureAddress(room: Room, cell: Cell, format: "png" | "jpeg"): string | null {
  const { facts, window } = cell;
  if (!facts || facts.problem || !facts.sop) return null;
  const query = new URLSearchParams({ format, quality: "95" });
  if (window) {
    query.set("center", String(window.center));
    query.set("width", String(window.width));
    query.set("function", window.function);
  }
  if (cell.inverted) query.set("invert", "1");
  if (cell.map) query.set("colours", cell.map);
  return `/study/${room.studyOf(cell)}/instances/${facts.sop}/frames/${facts.frame_number}/image?${query}`;
}

export function fileAddress(room: Room, cell: Cell): string | null {
  const { facts } = cell;
  return facts?.sop ? `/study/${room.studyOf(cell)}/instances/${facts.sop}/file` : null;
}

export function seriesAddress(room: Room, cell: Cell): string | null {
  return cell.series ? `/dicom-web/studies/${room.studyOf(cell)}/series/${cell.series.needs}?accept=application/zip` : null;
}

/** A page of images for paper, each in the window that `windowOf` tells, else in its own, and in the colours of its series. */
export function printAddress(room: Pick<Room, "page" | "library" | "mapOf">, images: ImageRef[], windowOf: (image: ImageRef) => Window | undefined): string {
  const chosen = images.map((image) => [image.instance, image.frame, ...windowParts(windowOf(image)), ...coloursOf(room, image)].join(":")).join(",");
  return `/study/${room.page.study}/print${chosen ? `?images=${chosen}` : ""}`;
}

/** The colours that the series of an image is shown in; nothing for grey. */
function coloursOf(room: Pick<Room, "page" | "library" | "mapOf">, image: ImageRef): ColourMap[] {
  for (const { uid } of room.page.series) {
    const map = room.mapOf(uid);
    if (map && room.library.get(uid).facts.some((facts) => facts?.sop === image.instance)) return [map];
  }
  return [];
}

function windowParts(window: Window | undefined): number[] {
  return window ? [window.center, window.width] : [];
}

/** A file name that says what is in it and nobody's name. */
export function fileName(cell: Cell, ending: string): string {
  const { facts } = cell;
  return `${facts?.modality ?? "image"}-${facts?.instance_number ?? cell.position + 1}${facts && facts.number_of_frames > 1 ? `-${facts.frame_number}` : ""}.${ending}`;
}
