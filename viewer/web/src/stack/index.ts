/** Warnings about a stack that is not what it seems: missing slices, uneven spacing, mixed sizes or directions. */

import { addImageLayer } from "../extensions";
import Warning from "./Warning.svelte";

export function addStackWarnings(): void {
  addImageLayer(Warning);
}
