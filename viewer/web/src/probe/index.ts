/** The value under the pointer: in a corner always, beside the pointer with the probe in hand. */

import { addButton, addImageLayer } from "../extensions";
import { t } from "../words";
import Readout from "./Readout.svelte";

export { readingAt } from "./geometry";

export function addProbe(): void {
  addImageLayer(Readout);
  addButton({ group: "hand", icon: "probe", tool: "probe", key: "B", label: t("Pixel value (HU, SUV)") });
}
