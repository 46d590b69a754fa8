// @ts-check
/** The value under the pointer. */

import { fetchJson } from "../series_cards.js";
import { t } from "../words.js";
import { cine, state, viewport } from "./state.js";
import { describe } from "./texts.js";

/** @type {{ x: number, y: number } | null} */
let pointer = null;
let probing = false;

/** @param {{ x: number, y: number } | null} at where the mouse is in the viewport, null when it left */
export function pointAt(at) {
  pointer = at;
  if (at) probe();
  else say("");
}

/** @param {string} text */
function say(text) {
  state.probeText = text;
  describe();
}

/** Ask for the value under the pointer; one question at a time, the last place wins. */
export async function probe() {
  const { stack, shown } = state;
  if (probing || !pointer || !stack || !shown || cine.playing) return;
  const at = viewport.pixelAt(pointer);
  if (!at) {
    say("");
    return;
  }
  probing = true;
  const asked = pointer;
  try {
    const told = await fetchJson(stack.valueAddress(shown, at.row, at.column));
    if (shown === state.shown) state.probeText = `(${at.column}, ${at.row})  ${valueWords(told)}`;
  } catch (error) {
    state.probeText = error instanceof Error ? error.message : String(error);
  } finally {
    probing = false;
    describe();
    if (pointer && pointer !== asked) probe();
  }
}

/** @param {{ stored: number | number[], value: number | null, unit: string, is_padding: boolean }} told */
function valueWords(told) {
  if (Array.isArray(told.stored)) return `RGB ${told.stored.join(" ")}`;
  if (told.is_padding) return t("no image here");
  if (told.value === null || (told.value === told.stored && !told.unit)) return String(told.stored);
  const value = `${Math.round(told.value * 100) / 100} ${told.unit}`.trim();
  return told.value === told.stored ? value : `${value} (${told.stored})`;
}
