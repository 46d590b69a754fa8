// @ts-check
/** Choosing the window: typed numbers, the menu of presets, and what a drag sets. */

import { t } from "../words.js";
import { centerField, data, element, presetMenu, widthField } from "./page.js";
import { update } from "./pictures.js";
import { state } from "./state.js";
import { describe } from "./texts.js";
import { startingWindow, tidy, typedNumber } from "./windowing.js";

/** @typedef {import("./windowing.js").Window} Window */
/** @typedef {import("./windowing.js").Preset} Preset */

/** @param {Window | null} window null for the object's own */
export function setWindow(window) {
  state.chosen = window ? tidy(window) : null;
  if (!state.chosen) presetMenu.value = "own:0";
  describe();
  update();
}

/**
 * Set a window that no preset names.
 * @param {Window} window
 */
export function setFreeWindow(window) {
  presetMenu.value = "";
  setWindow(window);
}

/** The window to change from. @returns {Window} */
export function presentWindow() {
  if (state.chosen) return state.chosen;
  if (typeof state.effect === "object") return state.effect;
  return startingWindow(state.effect, state.shown?.facts?.bits_stored ?? 12);
}

function typed() {
  const center = typedNumber(centerField.value);
  const width = typedNumber(widthField.value);
  const wrong = center === null || width === null || width <= 0;
  centerField.setAttribute("aria-invalid", String(center === null));
  widthField.setAttribute("aria-invalid", String(width === null || width <= 0));
  if (!wrong) setFreeWindow({ ...presentWindow(), center, width });
}

function ownWindows() {
  return state.stack?.entries.get(state.position)?.facts?.windows ?? [];
}

/** Fill the menu: the object's own windows first, then those known by name where values are in HU. */
export function fillPresets() {
  const own = ownWindows();
  const options = [];
  options.push(new Option(own[0]?.explanation ? t("Original: {name}", { name: own[0].explanation }) : t("Original"), "own:0"));
  own.slice(1).forEach((window, i) => options.push(new Option(window.explanation || `W ${window.width} L ${window.center}`, `own:${i + 1}`)));
  ctPresets().forEach((preset, i) => options.push(new Option(`${i + 1}  ${preset.name}`, `ct:${i}`)));
  const custom = new Option("—", "");
  custom.hidden = true;
  presetMenu.replaceChildren(custom, ...options);
  presetMenu.value = state.chosen ? "" : "own:0";
}

/** @returns {Preset[]} */
export function ctPresets() {
  return state.stack?.series.modality === "CT" ? data.ct_presets : [];
}

/** @param {string} value */
export function choosePreset(value) {
  const [kind, number] = value.split(":");
  const own = ownWindows();
  const window = kind === "ct" ? ctPresets()[Number(number)] : Number(number) > 0 ? own[Number(number)] : null;
  if (window === undefined) return;
  setWindow(window ? { center: window.center, width: window.width, function: window.function } : null);
  presetMenu.value = value;
}

/** Listen to the fields and the menu. */
export function wireWindow() {
  centerField.addEventListener("change", typed);
  widthField.addEventListener("change", typed);
  presetMenu.addEventListener("change", () => {
    choosePreset(presetMenu.value);
    element.focus();
  });
}
