// @ts-check
/** What the light view knows at this moment: one object that its parts share, and the parts with a life of their own. */

import { Cine } from "./cine.js";
import { Images } from "./images.js";
import { element } from "./page.js";
import { Viewport } from "./viewport.js";

/** @typedef {import("./windowing.js").Window} Window */

/**
 * @typedef {object} State
 * @property {import("./stack.js").Stack | null} stack
 * @property {number} position from 0
 * @property {number} direction of travel, 1 or -1
 * @property {Window | null} chosen the window that the person chose; null shows the object's own
 * @property {boolean} inverted
 * @property {Window | "none" | "table"} effect the window of the picture on the screen
 * @property {import("./stack.js").FrameEntry | null} shown the entry whose picture is on the screen
 * @property {number} shownAt its position: what is said around the picture is about the picture, not about the next one
 * @property {string} probeText
 */

/** @type {State} */
export const state = {
  stack: null,
  position: 0,
  direction: 1,
  chosen: null,
  inverted: false,
  effect: "none",
  shown: null,
  shownAt: 0,
  probeText: "",
};

export const viewport = new Viewport(element);
export const images = new Images();
export const cine = new Cine();
