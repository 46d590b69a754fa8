/** A magnifying glass that follows the pointer. */

import { addButton, addImageLayer } from "../extensions";
import { t } from "../words";
import Lens from "./Lens.svelte";

export function addMagnifier(): void {
  addImageLayer(Lens);
  addButton({ group: "hand", icon: "magnify", tool: "magnify", key: "G", label: t("Magnifier") });
}
