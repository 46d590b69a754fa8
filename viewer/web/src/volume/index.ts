/** Volumes: planes in any direction through a series, slabs of any thickness. */

import { addButton, addImageLayer, addPanel } from "../extensions";
import { addKey } from "../keyboard";
import type { Room } from "../room";
import { t } from "../words";
import Handles from "./Handles.svelte";
import Mark from "./Mark.svelte";
import Panel from "./Panel.svelte";
import { theVolumes } from "./volumes.svelte";

export { planeWords } from "./naming";
export { Reformat } from "./reformat";
export { reslice, THIN, type Projection, type Slab } from "./reslice";
export { lettersOf, volumeOf, type Volume } from "./space";
export { lookAlong, lookOf, type Look } from "./turning";
export { showBodiesBy, theVolumes } from "./volumes.svelte";

export function addVolumes(): void {
  addImageLayer(Mark);
  addImageLayer(Handles);
  addPanel({ name: "volume", title: t("Planes and slabs"), icon: "volume", view: Panel });
  addButton({ group: "volume", icon: "volume", key: "U", label: t("Planes and slabs (MPR, MIP)"), act: toggle, isOn: (room) => room.panel === "volume" });
  addKey("u", toggle);
  addKey("U", (room) => theVolumes(room).threePlanes(room.cell));
}

function toggle(room: Room): void {
  room.panel = room.panel === "volume" ? null : "volume";
}
