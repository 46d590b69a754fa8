/** What an address names: layout, and for each cell its series, its image, and the plane through the series. Pure. */

export interface Named {
  rows: number;
  columns: number;
  cells: (NamedCell | null)[];
}

/** A series by its UID and an image by its number from 1; null for an empty cell. */
export interface NamedCell {
  series: string;
  image: number;
  plane?: NamedPlane;
}

/** A plane that is made from the series: its name (`coronal`, `axial~30~0`), its place from 1, its slab. */
export interface NamedPlane {
  name: string;
  place: number;
  mm: number;
  projection: "maximum" | "minimum" | "mean";
}

const CELL = /^([0-9.]{1,64}):(\d{1,6})(?:~(.+))?$/;
const ANGLE = "-?\\d{1,3}(?:\\.\\d{1,6})?";
const PLANE = new RegExp(`^((?:axial|coronal|sagittal)(?:~${ANGLE}~${ANGLE})?):(\\d{1,4})(?::(maximum|minimum|mean):(\\d{1,3}))?$`);

/**
 * `series` and `image` name the first cell, `layout` (2x3) and `cells` (uid:image, joined by commas) the whole room. What
 * shows a plane names it after the image that lies nearest: `uid:12~coronal:200:mean:10`, the slab in mm.
 */
export function parseAddress(query: string): Named | null {
  const asked = new URLSearchParams(query);
  const layout = /^([1-3])x([1-3])$/.exec(asked.get("layout") ?? "");
  if (!layout) return null;
  return { rows: Number(layout[1]), columns: Number(layout[2]), cells: (asked.get("cells") ?? "").split(",").map(parseCell) };
}

function parseCell(text: string): NamedCell | null {
  const found = CELL.exec(text);
  if (!found) return null;
  const plane = parsePlane(found[3] ?? "");
  return { series: found[1] as string, image: Number(found[2]), ...(plane && { plane }) };
}

function parsePlane(text: string): NamedPlane | null {
  const found = PLANE.exec(text);
  if (!found) return null;
  const projection = (found[3] ?? "maximum") as NamedPlane["projection"];
  return { name: found[1] as string, place: Number(found[2]), mm: Number(found[4] ?? 0), projection };
}

/** The light view of a study, at the image that the query of a reading room names first. */
export function lightAddress(study: string, query: string): string {
  const asked = new URLSearchParams(query);
  const named = new URLSearchParams();
  for (const name of ["series", "image"]) {
    const value = asked.get(name);
    if (value) named.set(name, value);
  }
  return `/study/${study}/light?${named}`;
}

export function addressOf(named: Named): string {
  const first = named.cells[0];
  const query = new URLSearchParams();
  if (first) {
    query.set("series", first.series);
    query.set("image", String(first.image));
  }
  if (named.rows * named.columns > 1 || first?.plane) {
    query.set("layout", `${named.rows}x${named.columns}`);
    query.set("cells", named.cells.map(cellText).join(","));
  }
  return query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%7E", "~");
}

function cellText(cell: NamedCell | null): string {
  if (!cell) return "";
  const { series, image, plane } = cell;
  const slab = plane?.mm ? `:${plane.projection}:${plane.mm}` : "";
  return `${series}:${image}${plane ? `~${plane.name}:${plane.place}${slab}` : ""}`;
}
