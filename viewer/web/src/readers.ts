/** What readers do with pictures beyond looking: measuring, comparing, reformatting, taking out. */

import { addMeasuring } from "./measure";
import type { Room } from "./room";
import { addVolumes } from "./volume";

export function addReadersTools(room: Room): void {
  addMeasuring(room);
  addVolumes();
}
