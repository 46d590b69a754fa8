/** The windows that a person may choose from in a cell. */

import { ownVois, type Cell } from "../cell";
import type { PageData } from "../page";
import type { Room } from "../room";
import { sameWindow, type Voi } from "../windowing";
import { t } from "../words";

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
  const presets = facts.modality === "CT" ? page.ct_presets : [];
  const named = presets.map((preset, i): Choice => {
    const voi: Voi = { kind: "window", window: { center: preset.center, width: preset.width, function: "LINEAR" } };
    return { name: `${preset.name} ${preset.width}/${preset.center}`, key: String(i + 1), voi, isCurrent: (one) => isSame(one.chosen, voi) };
  });
  return [own, ...others, ...named];
}

function nameOf(voi: Voi, number: number): string {
  const said = voi.kind === "window" ? voi.window.explanation : voi.table.explanation;
  return said || t("As stored, {n}", { n: number });
}

function isSame(one: Voi | null, other: Voi): boolean {
  if (one?.kind === "window" && other.kind === "window") return sameWindow(one.window, other.window);
  return one === other;
}

/** Take a number that was typed; nonsense is left out. */
export function setNumber(room: Room, part: "width" | "center", text: string): void {
  const { cell } = room;
  const value = Number(text.replace(",", "."));
  if (!cell.window || text.trim() === "" || !Number.isFinite(value)) return;
  if (part === "width" && value < (cell.window.function === "LINEAR" ? 1 : Number.MIN_VALUE)) return;
  room.window(cell, { kind: "window", window: { ...cell.window, [part]: value } });
}
