/** All attributes of the image in the active cell, with search. */

import { addPanel } from "../extensions";
import { addKey } from "../keyboard";
import { t } from "../words";
import Panel from "./Panel.svelte";

export function addTags(): void {
  addPanel({ name: "tags", title: t("DICOM attributes"), icon: "tags", view: Panel });
  addKey("#", (room) => (room.panel = room.panel === "tags" ? null : "tags"));
}
