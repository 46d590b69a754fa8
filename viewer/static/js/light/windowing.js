// @ts-check
/** Window centre and width: dragging, limits and presets. Pure functions; values in modality units, HU for CT. */

/**
 * @typedef {{ center: number, width: number, function?: string }} Window
 * @typedef {{ name: string, center: number, width: number, function?: string }} Preset name in the person's language
 */

/** PS3.3 C.11.2.1.2: a LINEAR window is at least 1 wide. */
export const WIDTH_MIN = 1;
const VALUE_MAX = 1e9;

/**
 * Return the window after a drag: to the right widens, upwards brightens. A drag over the box changes the window by
 * about its own width, so that a narrow window is set finely and a wide one quickly.
 * @param {Window} start the window when the drag began
 * @param {number} dx pixels to the right since then
 * @param {number} dy pixels down since then
 * @param {number} extent pixels that count as the whole way
 * @returns {Window}
 */
export function dragged(start, dx, dy, extent) {
  const step = Math.max(start.width, 8) / extent;
  return tidy({ ...start, center: start.center + dy * step, width: start.width + 2 * dx * step });
}

/**
 * Round to what a person can tell apart, and keep within what the formula allows.
 * @param {Window} window
 * @returns {Window}
 */
export function tidy(window) {
  const digits = window.width >= 50 ? 0 : window.width >= 5 ? 1 : 2;
  const exact = window.function === "LINEAR_EXACT" || window.function === "SIGMOID";
  const width = Math.min(Math.max(round(window.width, digits), exact ? 0.01 : WIDTH_MIN), VALUE_MAX);
  const center = Math.min(Math.max(round(window.center, digits), -VALUE_MAX), VALUE_MAX);
  return { ...window, center, width };
}

/**
 * @param {number} value
 * @param {number} digits
 */
function round(value, digits) {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

/**
 * Read the header `X-Window` of a rendered image.
 * @param {string | null} text `center,width,function`, or `none` or `table`
 * @returns {Window | "none" | "table"}
 */
export function windowInEffect(text) {
  if (text === null || text === "none") return "none";
  if (text === "table") return "table";
  const [center, width, name] = text.split(",");
  return { center: Number(center), width: Number(width), function: name };
}

/**
 * Return the window to begin a drag with where the picture has none of its own.
 * @param {"none" | "table"} effect
 * @param {number} bits bits stored
 * @returns {Window}
 */
export function startingWindow(effect, bits) {
  if (effect === "none") return { center: 128, width: 256 };
  const range = 2 ** Math.min(bits, 16);
  return { center: range / 2, width: range };
}

/**
 * Read a number as a person types it, with a comma or a point.
 * @param {string} text
 * @returns {number | null}
 */
export function typedNumber(text) {
  const value = Number(text.trim().replace(",", ".").replace("−", "-"));
  return text.trim() !== "" && Number.isFinite(value) ? value : null;
}
