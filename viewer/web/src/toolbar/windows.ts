/** The windows that a person may choose from in a cell. */

import { ownVois, type Cell } from "../cell";
import type { Facts } from "../frames";
import type { PageData } from "../page";
import type { Room } from "../room";
import { sameWindow, shortNumber, type Voi, type Window } from "../windowing";
import { language, numeral, t } from "../words";
import { keptWindows } from "./own";

export interface Choice {
  name: string;
  /** Its number key. */
  key: string;
  /** null for what the object says. */
  voi: Voi | null;
  isCurrent(cell: Cell): boolean;
}

export function choices(page: PageData, cell: Cell): Choice[] {
  const facts = cell.facts;
  if (!facts || facts.problem) return [];
  const own: Choice = { name: t("As stored"), key: "", voi: null, isCurrent: (one) => one.chosen === null };
  const others = ownVois(facts)
    .slice(1)
    .map((voi, i): Choice => ({ name: nameOf(voi, i + 2), key: "", voi, isCurrent: (one) => isSame(one.chosen, voi) }));
  const named = [...presetsOf(page, facts), ...ownPresets(facts.modality)].map(({ name, key, window }): Choice => {
    const voi: Voi = { kind: "window", window };
    return { name, key, voi, isCurrent: (one) => isSame(one.chosen, voi) };
  });
  return [own, ...others, ...named];
}

interface Preset {
  name: string;
  key: string;
  window: Window;
}

const SUV_TOPS = [5, 10, 20];
/** Number keys from here on are a person's own windows. */
const OWN_KEY = 7;

function presetsOf(page: PageData, facts: Facts): Preset[] {
  const factor = facts.suv_factor;
  if (factor) {
    return SUV_TOPS.map((top, i) => ({
      name: `SUV 0–${top}`,
      key: String(i + 1),
      window: { center: top / 2 / factor, width: top / factor, function: "LINEAR_EXACT" },
    }));
  }
  if (facts.modality !== "CT") return [];
  return page.ct_presets.map(({ name, center, width }, i) => ({
    name: `${name} ${width}/${center}`,
    key: String(i + 1),
    window: { center, width, function: "LINEAR" },
  }));
}

function ownPresets(modality: string): Preset[] {
  return keptWindows(modality).map((window, i) => ({
    name: t("Mine {width}/{center}", { width: shortNumber(window.width), center: shortNumber(window.center) }),
    key: String(OWN_KEY + i),
    window,
  }));
}

function nameOf(voi: Voi, number: number): string {
  const said = voi.kind === "window" ? voi.window.explanation : voi.table.explanation;
  return said || t("As stored, {n}", { n: number });
}

function isSame(one: Voi | null, other: Voi): boolean {
  if (one?.kind === "window" && other.kind === "window") return sameWindow(one.window, other.window);
  return one === other;
}

/** A part of the window in effect as people read and write it: in SUV where the object allows that. */
export function numberOf(cell: Cell, part: "width" | "center"): string {
  if (!cell.window) return "";
  const factor = cell.facts?.suv_factor;
  return numeral(fieldNumber(factor ? Math.round(cell.window[part] * factor * 100) / 100 : cell.window[part]));
}

/** All digits before the point, and of those after it what four digits leave over: 1024501, 115.5, 0.0021. */
export function fieldNumber(value: number): string {
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
}

/** A number as people type it: a comma or a point before decimals, and thousands set apart as their language does it. */
export function typedNumber(text: string, inLanguage: string): number {
  const plain = text.trim().replace("\u2212", "-");
  const thousands = inLanguage === "vi" ? /^-?[1-9]\d{0,2}(\.\d{3})+$/ : /^-?[1-9]\d{0,2}(,\d{3})+$/;
  return Number(thousands.test(plain) ? plain.replace(/[.,]/g, "") : plain.replace(",", "."));
}

/** Take a number that was typed; nonsense is left out. */
export function setNumber(room: Room, part: "width" | "center", text: string): void {
  const { cell } = room;
  const value = typedNumber(text, language) / (cell.facts?.suv_factor || 1);
  if (!cell.window || text.trim() === "" || !Number.isFinite(value)) return;
  if (part === "width" && value < (cell.window.function === "LINEAR" ? 1 : Number.MIN_VALUE)) return;
  room.window(cell, { kind: "window", window: { ...cell.window, [part]: value } });
}
