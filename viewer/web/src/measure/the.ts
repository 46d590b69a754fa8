/** One store of measurements for each room. */

import type { Room } from "../room";
import { Measurements } from "./store.svelte";

const stores = new WeakMap<Room, Measurements>();

export function theMeasurements(room: Room): Measurements {
  let found = stores.get(room);
  if (!found) stores.set(room, (found = new Measurements(room)));
  return found;
}
