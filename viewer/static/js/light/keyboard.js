// @ts-check
/** What keys do. */

import { go, goToEnd, play, step } from "./moving.js";
import { element, help } from "./page.js";
import { otherSeries } from "./series.js";
import { ACTIONS, chooseTool, zoomBy } from "./toolbar.js";
import { choosePreset, ctPresets } from "./window_controls.js";

/** @type {Record<string, () => unknown>} */
const KEYS = {
  ArrowUp: () => step(-1),
  ArrowLeft: () => step(-1),
  ArrowDown: () => step(1),
  ArrowRight: () => step(1),
  PageUp: () => step(-10),
  PageDown: () => step(10),
  Home: () => go(0),
  End: goToEnd,
  "[": () => otherSeries(-1),
  "]": () => otherSeries(1),
  " ": play,
  i: ACTIONS.invert,
  r: ACTIONS["rotate-right"],
  R: ACTIONS["rotate-left"],
  h: ACTIONS["flip-across"],
  v: ACTIONS["flip-down"],
  f: ACTIONS.fit,
  F: ACTIONS.full,
  0: ACTIONS.reset,
  "+": () => zoomBy(1.25),
  "=": () => zoomBy(1.25),
  "-": () => zoomBy(0.8),
  w: () => chooseTool("window"),
  s: () => chooseTool("scroll"),
  z: () => chooseTool("zoom"),
  p: () => chooseTool("pan"),
  "?": ACTIONS.help,
};

/** @param {string} key @returns {(() => unknown) | undefined} */
function actionOf(key) {
  const isPreset = /^[1-9]$/.test(key) && Number(key) <= ctPresets().length;
  return isPreset ? () => choosePreset(`ct:${Number(key) - 1}`) : KEYS[key];
}

/** Listen to keys, except where the person types. */
export function wireKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const target = /** @type {Element} */ (event.target);
    if (target.matches("input:not([type=range]), select")) {
      if (event.key === "Escape" || (event.key === "Enter" && target instanceof HTMLElement)) element.focus();
      return;
    }
    if (event.key === " " && target.matches("button")) return;
    const action = actionOf(event.key);
    if (!action) return;
    event.preventDefault();
    action();
  });
}
