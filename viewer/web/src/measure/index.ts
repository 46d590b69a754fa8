/** Measuring on pictures: drawn shapes with values, a panel that lists them, kept with the study as a DICOM report. */

import { addButton, addImageLayer, addPanel } from "../extensions";
import { addKey } from "../keyboard";
import type { Room } from "../room";
import { t } from "../words";
import { kindNames } from "./kinds";
import Layer from "./Layer.svelte";
import Panel from "./Panel.svelte";
import { theMeasurements } from "./the";

export { showImage } from "./going";
export { theMeasurements } from "./the";
export type { ImageRef, Measurement } from "./model";
export { sameImage, toSend } from "./model";

export function addMeasuring(room: Room): void {
  const store = theMeasurements(room);
  const names = kindNames();
  addImageLayer(Layer);
  addPanel({ name: "measure", title: t("Measurements"), icon: "length", view: Panel });
  addButton({ group: "measure", icon: "length", tool: "length", key: "L", label: names.length });
  addButton({ group: "measure", icon: "list", key: "M", label: t("All measurements and tools"), act: toggle, isOn: (one) => one.panel === "measure" });
  addKey("l", (one) => one.take("length"));
  addKey("a", (one) => one.take("angle"));
  addKey("e", (one) => one.take("ellipse"));
  addKey("t", (one) => one.take("arrow"));
  addKey("m", toggle);
  addKey("Delete", () => store.selected && store.mine.some((one) => one.uid === store.selected) && store.remove(store.selected));
  addKey("Ctrl z", () => store.undo());
  addKey("Escape", (one) => {
    store.selected = null;
    one.take("window");
  });
  window.addEventListener("beforeunload", (event) => {
    if (store.hasUnsaved) event.preventDefault();
  });
  void store.load();
}

function toggle(room: Room): void {
  room.panel = room.panel === "measure" ? null : "measure";
}
