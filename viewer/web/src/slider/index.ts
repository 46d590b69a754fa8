/** Sliders for fingers: through the images, and (on a phone) of the window. */

import { addImageLayer } from "../extensions";
import Sliders from "./Sliders.svelte";

export { default as WindowSliders } from "./WindowSliders.svelte";

export function addSliders(): void {
  addImageLayer(Sliders);
}
