/** Over the images: segmentations, contours of structure sets, and PET in colour. */

import { addButton, addImageLayer, addPanel } from "../extensions";
import { addKey } from "../keyboard";
import type { Room } from "../room";
import { t } from "../words";
import Layer from "./Layer.svelte";
import Panel from "./Panel.svelte";

export function addOverlays(room: Room): void {
  addImageLayer(Layer);
  addPanel({ name: "layers", title: t("Layers over the images"), icon: "layers", view: Panel });
  if (!room.page.series.some((series) => ["SEG", "RTSTRUCT", "PT", "NM"].includes(series.modality))) return;
  addButton({ group: "volume", icon: "layers", key: "J", label: t("Segments, contours, PET/CT"), act: toggle, isOn: (one) => one.panel === "layers" });
  addKey("j", toggle);
}

function toggle(room: Room): void {
  room.panel = room.panel === "layers" ? null : "layers";
}
