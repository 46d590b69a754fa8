/** What an address names: layout, and for each cell its series and image. Pure. */

export interface Named {
  rows: number;
  columns: number;
  /** By cell: series UID and image number from 1; null for an empty cell. */
  cells: ({ series: string; image: number } | null)[];
}

/** `series` and `image` name the first cell, `layout` (2x3) and `cells` (uid:image, joined by commas) the whole room. */
export function parseAddress(query: string): Named | null {
  const asked = new URLSearchParams(query);
  const layout = /^([1-3])x([1-3])$/.exec(asked.get("layout") ?? "");
  if (!layout) return null;
  const cells = (asked.get("cells") ?? "").split(",").map((text) => {
    const found = /^([0-9.]{1,64}):(\d{1,6})$/.exec(text);
    return found ? { series: found[1] as string, image: Number(found[2]) } : null;
  });
  return { rows: Number(layout[1]), columns: Number(layout[2]), cells };
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
  if (named.rows * named.columns > 1) {
    query.set("layout", `${named.rows}x${named.columns}`);
    query.set("cells", named.cells.map((cell) => (cell ? `${cell.series}:${cell.image}` : "")).join(","));
  }
  return query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
}
