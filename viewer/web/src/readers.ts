/** What readers do with pictures beyond looking: measuring, comparing, reformatting, taking out. */

import { addColours } from "./colours";
import { addComparing } from "./compare";
import { addKeeping } from "./keep";
import { addMeasuring } from "./measure";
import { addOverlays } from "./overlays";
import type { Room } from "./room";
import { addPhases } from "./phases";
import { addSolid } from "./solid";
import { addTags } from "./tags";
import { addVolumes } from "./volume";

export function addReadersTools(room: Room): void {
  addColours();
  addOverlays();
  addMeasuring(room);
  addPhases();
  addVolumes();
  addSolid();
  addComparing();
  addKeeping(room);
  addTags();
}
