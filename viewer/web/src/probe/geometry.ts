/** The value under a point. Pure. */

import type { Facts, Picture } from "../frames";
import { shortNumber } from "../windowing";
import { numeral } from "../words";

export interface Reading {
  row: number;
  column: number;
  /** As people read it: "-45 HU", "SUV 3.21", "R 12 G 40 B 9". */
  text: string;
}

/** Read at (column, row) from the outer corner of the first pixel; null outside the picture. */
export function readingAt(picture: Picture, column: number, row: number): Reading | null {
  const { facts } = picture;
  const at = { column: Math.floor(column), row: Math.floor(row) };
  if (at.column < 0 || at.row < 0 || at.column >= facts.columns || at.row >= facts.rows) return null;
  const place = at.row * facts.columns + at.column;
  return { ...at, text: picture.isColour ? colourText(picture, place) : valueText(facts, picture.values[place] as number) };
}

function colourText(picture: Picture, place: number): string {
  const [red, green, blue] = picture.values.slice(3 * place, 3 * place + 3);
  return `R ${red} G ${green} B ${blue}`;
}

function valueText(facts: Facts, value: number): string {
  if (Number.isNaN(value)) return "-";
  if (facts.suv_factor) return `SUV ${numeral((value * facts.suv_factor).toFixed(2))}`;
  const own = `${numeral(shortNumber(value))} ${facts.rescale.unit}`.trim();
  const real = facts.real_world;
  if (!real) return own;
  const told = `${numeral(shortNumber(value * real.slope + real.intercept))} ${real.unit}`.trim();
  // Where both are the same number, the one with the object's unit is enough.
  return real.slope === 1 && real.intercept === 0 ? told : `${own} · ${told}`;
}
