// @ts-check
/** Which picture is asked for and put on the screen: a quick one at once, the exact one when nothing moves any more. */

import { t } from "../words.js";
import { imageQuery } from "./addresses.js";
import { Looks } from "./looks.js";
import { slider } from "./page.js";
import { cine, images, state, viewport } from "./state.js";
import { describe } from "./texts.js";

/** @typedef {import("./stack.js").FrameEntry} FrameEntry */

/** How long nothing moves before the exact image replaces the quick one. */
const SETTLED_MS = 180;
const AHEAD = 6;
const BEHIND = 2;
const CINE_AHEAD = 24;

const looks = new Looks();
let settling = 0;

/**
 * Return the address of a frame as it is to look now.
 * @param {FrameEntry} entry
 * @param {boolean} exact
 */
function addressOf(entry, exact) {
  const look = { window: state.chosen, inverted: state.inverted, pixelsWanted: viewport.pixelsWanted, exact };
  return /** @type {import("./stack.js").Stack} */ (state.stack).imageAddress(entry, imageQuery(look, entry.facts));
}

/** Ask for what is to be on the screen now: the exact image if it is here, else a quick one and the exact one later. */
export async function update() {
  const { stack: asked, position: at } = state;
  if (!asked || asked.total === 0) return;
  slider.value = String(at + 1);
  slider.setAttribute("aria-valuetext", t("image {i} of {n}", { i: at + 1, n: asked.total }));
  clearTimeout(settling);
  viewport.outdated();
  let entry;
  try {
    entry = await asked.entry(at);
  } catch (error) {
    if (state.stack === asked && state.position === at) fail(error instanceof Error ? error.message : String(error), at);
    return;
  }
  if (state.stack !== asked || state.position !== at) return;
  if (!entry.facts) {
    fail([t("This image cannot be shown."), entry.problem].filter(Boolean).join(" "), at);
    return;
  }
  ask(entry);
  prefetch();
}

/** @param {FrameEntry} entry */
function ask(entry) {
  const exact = addressOf(entry, true);
  looks.begin(exact);
  if (images.has(exact)) request(entry, exact, true);
  else {
    request(entry, addressOf(entry, false), false);
    const look = looks.number;
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (!cine.playing && look === looks.number) request(entry, addressOf(entry, true), true);
    }, SETTLED_MS);
  }
}

/**
 * @param {FrameEntry} entry
 * @param {string} address
 * @param {boolean} exact
 */
function request(entry, address, exact) {
  const { stack: asked, position: at } = state;
  const look = looks.number;
  images.want({
    address,
    rank: looks.rank(exact),
    shown: (picture) => {
      if (state.stack !== asked || !entry.facts) return;
      state.shown = entry;
      state.shownAt = at;
      state.effect = picture.effect;
      const isPresent = look === looks.number && at === state.position;
      viewport.show(picture.bitmap, entry.facts, exact && isPresent ? "exact" : "quick");
      describe();
    },
    failed: (words) => {
      if (state.stack === asked) fail(words, at);
    },
  });
}

/**
 * Say why there is no picture at a position.
 * @param {string} words
 * @param {number} at
 */
function fail(words, at) {
  looks.forget();
  state.shown = null;
  state.shownAt = at;
  cine.stop();
  viewport.none();
  viewport.say(words);
  describe();
}

/** Take everything away, as when another series is opened: even the same picture is then a new one. */
export function clearPicture() {
  clearTimeout(settling);
  looks.forget();
  state.shown = null;
  state.shownAt = 0;
  state.effect = "none";
  viewport.clear();
}

/** Fetch neighbours, mostly ahead in the direction of travel; while the window changes there is nothing to foresee. */
export function prefetch() {
  const { stack: asked, position, direction } = state;
  if (!asked) return;
  const ahead = cine.playing ? CINE_AHEAD : AHEAD;
  const steps = [...Array(ahead).keys()].map((i) => (i + 1) * direction);
  const back = cine.playing ? [] : [...Array(BEHIND).keys()].map((i) => -(i + 1) * direction);
  const addresses = [];
  for (const step of [...steps, ...back]) {
    const at = cine.playing ? (position + step + asked.total) % asked.total : position + step;
    asked.prefetch(at);
    const entry = asked.entries.get(at);
    if (entry?.facts && !images.has(addressOf(entry, true))) addresses.push(addressOf(entry, false));
  }
  images.prefetch(addresses);
}

/**
 * Move a cine on by at most so many images, as far as there is one ready; false when none is.
 * @param {number} steps
 */
export function advance(steps) {
  const { stack } = state;
  if (!stack || stack.total < 2) return false;
  for (let step = steps; step >= 1; step -= 1) {
    const next = (state.position + step) % stack.total;
    const entry = stack.entries.get(next);
    const ready = entry?.facts ? [true, false].find((exact) => images.has(addressOf(entry, exact))) : undefined;
    if (!entry || ready === undefined) {
      stack.prefetch(next);
      continue;
    }
    state.direction = 1;
    state.position = next;
    slider.value = String(next + 1);
    looks.begin(addressOf(entry, true));
    request(entry, addressOf(entry, ready), ready);
    if (next % 8 < step || images.ahead.length === 0) prefetch();
    return true;
  }
  if (!images.ahead.length && !images.aheadRunning.size) prefetch();
  return false;
}
