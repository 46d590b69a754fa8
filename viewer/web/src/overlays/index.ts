/** Colours of grey images, and what lies over them: segmentations, contours of structure sets, another series. */

import { addButton, addImageLayer, addPanel } from "../extensions";
import { addKey } from "../keyboard";
import type { Room } from "../room";
import { t } from "../words";
import Layer from "./Layer.svelte";
import Panel from "./Panel.svelte";

export function addOverlays(): void {
  addImageLayer(Layer);
  addPanel({ name: "layers", title: t("Colours and layers"), icon: "layers", view: Panel });
  addButton({ group: "volume", icon: "layers", key: "J", label: t("Colours, segments, contours, PET/CT"), act: toggle, isOn: (one) => one.panel === "layers" });
  addKey("j", toggle);
}

function toggle(room: Room): void {
  room.panel = room.panel === "layers" ? null : "layers";
}
