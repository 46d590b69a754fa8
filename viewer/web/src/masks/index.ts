/** What lies over a picture by the object's own word: overlay planes, shutters, padding. */

import { addImageLayer } from "../extensions";
import Masks from "./Masks.svelte";

export function addMasks(): void {
  addImageLayer(Masks);
}
