// @ts-check
/** The buttons: which tool a drag is, and what is done at once. */

import { flippedAcross, flippedDown, rotated, wholePicture } from "./geometry.js";
import { play } from "./moving.js";
import { help } from "./page.js";
import { update } from "./pictures.js";
import { state, viewport } from "./state.js";
import { describe } from "./texts.js";
import { setWindow } from "./window_controls.js";

/** @typedef {import("./gestures.js").Tool} Tool */

/** null: what suits the device best @type {Tool | null} */
let tool = null;

/** @param {boolean} touch @returns {Tool} */
export function toolFor(touch) {
  return tool ?? (touch ? "scroll" : "window");
}

/** @param {Tool | null} wanted null for what suits the device best */
export function chooseTool(wanted) {
  tool = wanted;
  const active = toolFor(matchMedia("(pointer: coarse)").matches);
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.tool === active));
  }
}

/** After zooming in, more of a large picture can be seen than was sent. */
export function zoomed() {
  describe();
  update();
}

/** @param {number} factor */
export function zoomBy(factor) {
  viewport.zoom(factor);
  zoomed();
}

export function fit() {
  viewport.place((placement) => ({ ...placement, zoom: 1, pan: { x: 0, y: 0 } }));
  zoomed();
}

function reset() {
  viewport.place(() => wholePicture());
  state.inverted = false;
  pressed("invert", false);
  setWindow(null);
}

/** @param {(pose: import("./geometry.js").Pose) => import("./geometry.js").Pose} change */
function turn(change) {
  viewport.place((placement) => ({ ...placement, pose: change(placement.pose) }));
  describe();
}

function invert() {
  state.inverted = !state.inverted;
  pressed("invert", state.inverted);
  update();
}

/**
 * @param {string} action
 * @param {boolean} is
 */
export function pressed(action, is) {
  document.querySelector(`[data-action="${action}"]`)?.setAttribute("aria-pressed", String(is));
}

async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (document.documentElement.requestFullscreen) await document.documentElement.requestFullscreen();
}

/** What a button does, by its `data-action`. @type {Record<string, () => unknown>} */
export const ACTIONS = {
  invert,
  "rotate-left": () => turn((pose) => rotated(pose, -90)),
  "rotate-right": () => turn((pose) => rotated(pose, 90)),
  "flip-across": () => turn(flippedAcross),
  "flip-down": () => turn(flippedDown),
  fit,
  reset,
  play,
  full: fullScreen,
  help: () => help.showModal(),
};

/** Listen to the buttons. */
export function wireToolbar() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = /** @type {HTMLElement | null} */ (target.closest("[data-action], [data-tool]"));
    if (button?.dataset.action) ACTIONS[button.dataset.action]?.();
    if (button?.dataset.tool) chooseTool(/** @type {Tool} */ (button.dataset.tool));
  });
  chooseTool(null);
}
