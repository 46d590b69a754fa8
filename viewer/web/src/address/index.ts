/** The address bar says what is on the screen, and a copied address shows it again. */

import type { Cell } from "../cell";
import type { Room } from "../room";
import { Reformat, theVolumes } from "../volume";
import { addressOf, lightAddress, parseAddress, type NamedPlane } from "./address";

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
    if (!one || !cell) return;
    if (i > 0 || !cell.series) room.open(cell, one.series, one.image - 1);
    if (one.plane && cell.series?.uid === one.series) void showPlane(room, cell, one.plane);
  });
}

/** A plane comes once the facts of its series have; until then the image that lies nearest is shown. */
async function showPlane(room: Room, cell: Cell, { name, place, mm, projection }: NamedPlane): Promise<void> {
  const source = cell.series;
  if (!source) return;
  await room.library.calm();
  const made = await theVolumes(room).remade(`${source.uid}~${name}`);
  if (!made || cell.series !== source) return;
  made.slab = { mm, projection };
  room.open(cell, made.uid, place - 1);
}

/** The plane that a cell shows, made from a series as it is stored; undefined for images and for planes of one phase. */
function planeIn(cell: Cell): NamedPlane | undefined {
  const made = cell.series;
  if (!(made instanceof Reformat) || made.source.uid !== made.needs) return undefined;
  return { name: made.uid.slice(made.source.uid.length + 1), place: cell.position + 1, ...made.slab };
}

/** What is on the screen, as a query. */
export function queryOf(room: Room): string {
  void theVolumes(room).news;
  const cells = room.visible.map((cell) => {
    if (!cell.series) return null;
    const plane = planeIn(cell);
    return { series: cell.series.needs, image: cell.series.sourceOf(cell.position) + 1, ...(plane && { plane }) };
  });
  return addressOf({ ...room.layout, cells });
}

/** The ways out of the page keep the place: to the light view, and to the same page in the other language. */
export function keepPlace(study: string, query: string): void {
  document.querySelector("a[data-other-view]")?.setAttribute("href", `${lightAddress(study, `?${query}`)}&prefer=1`);
  document.querySelector("form.language [name=next]")?.setAttribute("value", `${location.pathname}${query ? `?${query}` : ""}`);
}

/** Keep the address up to date. */
let timer = 0;
export function writeAddress(query: string): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => history.replaceState(history.state, "", `${location.pathname}${query ? `?${query}` : ""}`), PAUSE_MS);
}
