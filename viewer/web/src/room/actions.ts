/** What buttons and keys do to the active cell. */

import { zoom } from "../cell";
import { flippedAcross, flippedDown, turned, WHOLE, type Pose } from "../placement";
import type { Room } from "./room.svelte";

function pose(room: Room, change: (pose: Pose) => Pose): void {
  const { cell } = room;
  cell.place({ ...cell.placement, pose: change(cell.placement.pose) });
}

export const ACTIONS = {
  invert: (room: Room) => room.cell.setInverted(!room.cell.inverted),
  rotateLeft: (room: Room) => pose(room, (from) => turned(from, -90)),
  rotateRight: (room: Room) => pose(room, (from) => turned(from, 90)),
  flipAcross: (room: Room) => pose(room, flippedAcross),
  flipDown: (room: Room) => pose(room, flippedDown),
  fit: (room: Room) => room.cell.place({ ...WHOLE, pose: room.cell.placement.pose }),
  reset: (room: Room) => room.cell.reset(),
  zoomIn: (room: Room) => zoomBy(room, 1.25),
  zoomOut: (room: Room) => zoomBy(room, 0.8),
  full: () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen();
  },
} satisfies Record<string, (room: Room) => void>;

function zoomBy(room: Room, factor: number): void {
  const { box } = room.cell;
  zoom(room.cell, factor, { x: box.width / 2, y: box.height / 2 });
}
