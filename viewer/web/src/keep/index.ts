/** Key images, kept views, and what can be taken out of the room. */

import { addButton, addImageLayer, addPanel } from "../extensions";
import { addKey } from "../keyboard";
import type { Room } from "../room";
import { t } from "../words";
import { theKept } from "./kept.svelte";
import Layer from "./Layer.svelte";
import Panel from "./Panel.svelte";

export { theKept } from "./kept.svelte";

export function addKeeping(room: Room): void {
  const store = theKept(room);
  addImageLayer(Layer);
  addPanel({ name: "keep", title: t("Key images and taking out"), icon: "take", view: Panel });
  addButton({ group: "take", icon: "take", key: "D", label: t("Key images, views, taking out"), act: toggle, isOn: (one) => one.panel === "keep" });
  addKey("q", mark);
  addKey("d", toggle);
  window.addEventListener("beforeunload", (event) => {
    if (store.isDirty && store.maySave) event.preventDefault();
  });
  void store.load();
}

/** Marking opens the panel, where it can be saved. */
function mark(room: Room): void {
  const store = theKept(room);
  store.toggle(store.imageOf(room.cell));
  room.panel = "keep";
}

function toggle(room: Room): void {
  room.panel = room.panel === "keep" ? null : "keep";
}
