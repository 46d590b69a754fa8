// @ts-check
/** The page as the server made it: its elements and its data. */

/** @typedef {import("./windowing.js").Preset} Preset */
/** @typedef {import("../series_cards.js").SeriesFacts} SeriesFacts */

/**
 * @typedef {object} PageData
 * @property {string} study
 * @property {string[]} patient lines of the top left corner
 * @property {string[]} exam lines of the top right corner
 * @property {SeriesFacts[]} series
 * @property {Preset[]} ct_presets
 */

/**
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} kind
 * @returns {E}
 */
function must(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

export const data = /** @type {PageData} */ (JSON.parse(must("page-data", HTMLElement).textContent ?? "{}"));
export const element = must("viewport", HTMLElement);
export const strip = must("strip", HTMLElement);
export const slider = must("slider", HTMLInputElement);
export const centerField = must("center", HTMLInputElement);
export const widthField = must("width", HTMLInputElement);
export const presetMenu = must("presets", HTMLSelectElement);
export const rateField = must("rate", HTMLInputElement);
export const playButton = must("play", HTMLButtonElement);
export const documentPanel = must("document", HTMLElement);
export const help = must("help", HTMLDialogElement);
