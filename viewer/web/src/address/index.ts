/** The address bar says what is on the screen, and a copied address shows it again. */

import type { Room } from "../room";
import { addressOf, parseAddress } from "./address";

export { addressOf, lightAddress, parseAddress } from "./address";

/** Browsers refuse more than about a hundred changes in half a minute. */
const PAUSE_MS = 600;

/** Arrange the room as the address says. */
export function followAddress(room: Room): void {
  const named = parseAddress(location.search);
  if (!named) return;
  room.arrange({ rows: named.rows, columns: named.columns }, false);
  named.cells.forEach((one, i) => {
    const cell = room.visible[i];
    if (one && cell && (i > 0 || !cell.series)) room.open(cell, one.series, one.image - 1);
  });
}

/** What is on the screen, as a query. */
export function queryOf(room: Room): string {
  const cells = room.visible.map((cell) => (cell.series ? { series: cell.series.needs, image: cell.series.sourceOf(cell.position) + 1 } : null));
  return addressOf({ ...room.layout, cells });
}

/** Keep the address up to date. */
let timer = 0;
export function writeAddress(query: string): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => history.replaceState(history.state, "", `${location.pathname}${query ? `?${query}` : ""}`), PAUSE_MS);
}
