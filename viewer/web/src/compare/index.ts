/** Comparing with the patient's other studies: a list, the matching series beside, slices that go along. */

import { addButton, addImageLayer, addPanel } from "../extensions";
import { addKey } from "../keyboard";
import { onScroll, type Room } from "../room";
import { t } from "../words";
import Badge from "./Badge.svelte";
import Panel from "./Panel.svelte";
import { thePriors } from "./priors.svelte";

export { isGuest } from "./priors.svelte";

export function addComparing(): void {
  addImageLayer(Badge);
  addPanel({ name: "compare", title: t("Other studies"), icon: "compare", view: Panel });
  addButton({ group: "compare", icon: "compare", key: "C", label: t("Compare with other studies"), act: toggle, isOn: (room) => room.panel === "compare" });
  addKey("c", toggle);
  onScroll((room, cell) => thePriors(room).scrolled(cell));
}

function toggle(room: Room): void {
  room.panel = room.panel === "compare" ? null : "compare";
}
