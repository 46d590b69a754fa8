/** Series with several phases at each place: said in words, and each phase to be seen by itself. */

import { addImageLayer } from "../extensions";
import { addKey } from "../keyboard";
import Choice from "./Choice.svelte";
import { stepPhase } from "./phases";

export { Part } from "./part";
export { partAt } from "./phases";

export function addPhases(): void {
  addImageLayer(Choice);
  addKey(",", (room) => stepPhase(room, -1));
  addKey(".", (room) => stepPhase(room, 1));
}
