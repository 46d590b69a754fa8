// @ts-check
/** Moving through the stack: by steps, with the slider, as a cine. */

import { RATE_DEFAULT, limitedRate } from "./cine.js";
import { playButton, rateField, slider } from "./page.js";
import { advance, prefetch, update } from "./pictures.js";
import { probe } from "./probe.js";
import { cine, state } from "./state.js";
import { typedNumber } from "./windowing.js";

/** @param {number} wanted position from 0 */
export function go(wanted) {
  const { stack, position } = state;
  if (!stack || !stack.total) return;
  const next = Math.min(Math.max(wanted, 0), stack.total - 1);
  if (next === position) return;
  state.direction = next > position ? 1 : -1;
  state.position = next;
  state.probeText = "";
  update().then(probe);
}

/** @param {number} steps */
export function step(steps) {
  go(state.position + steps);
}

export function goToEnd() {
  go((state.stack?.total ?? 1) - 1);
}

/** Begin to play, or stop. */
export function play() {
  if (!cine.playing && state.stack && state.stack.total > 1) {
    cine.start();
    prefetch();
  } else {
    cine.stop();
    update();
  }
}

/** @param {number | null | undefined} rate frames in a second, of the object if it says so */
export function setRate(rate) {
  cine.rate = limitedRate(rate || RATE_DEFAULT);
  rateField.value = String(Math.round(cine.rate * 10) / 10);
}

function showPlaying() {
  playButton.setAttribute("aria-pressed", String(cine.playing));
  playButton.querySelector("use")?.setAttribute("href", cine.playing ? "#i-pause" : "#i-play");
}

/** Listen to slider and rate, and let the clock move the stack. */
export function wireMoving() {
  cine.advance = advance;
  cine.changed = showPlaying;
  slider.addEventListener("input", () => go(Number(slider.value) - 1));
  rateField.addEventListener("change", () => {
    cine.rate = limitedRate(typedNumber(rateField.value) ?? RATE_DEFAULT);
    rateField.value = String(cine.rate);
  });
}
