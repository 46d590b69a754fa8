/** Cells that know of each other: reference lines, crosshair, scrolling and windows together. */

import { addButton, addImageLayer } from "../extensions";
import { toPicture } from "../placement";
import { onOpening, onScroll, onTool, onWindow } from "../room";
import { t } from "../words";
import { beginBeside, followScroll, goToPoint, shareWindow } from "./follow";
import { planeOf, toPatient } from "./geometry";
import Lines from "./Lines.svelte";

export { areParallel, cross, crossing, distance, dot, nearest, normalOf, planeOf, toPatient, toPlane, type Placed, type Plane, type Vector } from "./geometry";
export { beginBeside, planesOf, planesOfSeries, shareSpace } from "./follow";

export function addSync(): void {
  addImageLayer(Lines);
  addButton({ group: "show", icon: "sync", key: "Y", label: t("Scroll together"), act: (room) => (room.synced = !room.synced), isOn: (room) => room.synced });
  addButton({
    group: "show",
    icon: "windows",
    key: "Shift Y",
    label: t("Window together"),
    act: (room) => (room.windowsSynced = !room.windowsSynced),
    isOn: (room) => room.windowsSynced,
  });
  addButton({ group: "show", icon: "lines", key: "K", label: t("Reference lines"), act: (room) => (room.lines = !room.lines), isOn: (room) => room.lines });
  addButton({ group: "hand", icon: "crosshair", tool: "crosshair", key: "X", label: t("Crosshair: the same point everywhere") });
  onOpening(beginBeside);
  onScroll(followScroll);
  onWindow(shareWindow);
  onTool("crosshair", (room, cell, at) => {
    const plane = planeOf(cell.facts);
    const space = cell.facts?.frame_of_reference;
    if (!at || !plane || !space || !cell.matrix) return;
    const { x, y } = toPicture(cell.matrix, at);
    room.point = { space, at: toPatient(plane, x, y) };
    goToPoint(room, cell, room.point.at);
  });
}
