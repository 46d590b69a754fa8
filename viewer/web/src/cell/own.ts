/** Which windows an object brings, and which one it is shown in when nobody chose. Pure. */

import { extent, type Facts, type Picture } from "../frames";
import { fullRange, type Table, type Voi, type Window } from "../windowing";

/** All that the object offers, tables first, as the server has it. */
export function ownVois(facts: Facts): Voi[] {
  const tables = facts.voi_tables.map((table): Voi => ({ kind: "table", table: tableOf(table) }));
  return [...tables, ...facts.windows.map((window): Voi => ({ kind: "window", window }))];
}

function tableOf(told: Facts["voi_tables"][number]): Table {
  const bytes = Uint8Array.from(atob(told.entries), (character) => character.charCodeAt(0));
  return { first: told.first, bits: told.bits, explanation: told.explanation, entries: new Uint16Array(bytes.buffer) };
}

/** The window of an object that names none: small unsigned values as they are, else lowest to highest. */
export function derivedWindow(picture: Picture): Window {
  const { facts, values } = picture;
  const { slope, intercept } = facts.rescale;
  if (slope === 1 && intercept === 0 && facts.bits_stored <= 8 && values instanceof Uint8Array) {
    return fullRange(0, 2 ** facts.bits_stored - 1, true);
  }
  const [low, high] = extent(values, paddingValues(facts));
  return fullRange(low, high, facts.transport !== null && Number.isInteger(slope));
}

/** Padding as modality values. */
export function paddingValues(facts: Facts): [number, number] | null {
  if (!facts.padding) return null;
  const { slope, intercept } = facts.rescale;
  const ends = facts.padding.map((value) => value * slope + intercept) as [number, number];
  return [Math.min(...ends), Math.max(...ends)];
}
