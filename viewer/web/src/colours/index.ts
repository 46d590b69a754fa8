/** Grey images in colours, on request, with a bar that says which colour is which value. */

import { addImageLayer } from "../extensions";
import Legend from "./Legend.svelte";

export { default as Bar } from "./Bar.svelte";
export { default as Choice } from "./Choice.svelte";
export { measureOf, plainScale, scaleOf, type Scale } from "./scale";

export function addColours(): void {
  addImageLayer(Legend);
}
