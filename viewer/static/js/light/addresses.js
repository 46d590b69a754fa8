// @ts-check
/** How an image is asked for: size, format and quality of what can be seen. Pure. */

/** Longer sides that are asked for, so that nearby sizes share what is kept. */
const SIDES = [512, 768, 1024, 1536, 2048, 3072, 4096];
/** Above so many pixels the exact image is a fine JPEG: a PNG of a whole radiograph takes a phone too long. */
const PNG_PIXELS_MAX = 1_600_000;

/**
 * @typedef {object} Look
 * @property {import("./windowing.js").Window | null} window null for the object's own
 * @property {boolean} inverted
 * @property {number} pixelsWanted pixels of the screen along the picture's longer side
 * @property {boolean} exact false for a quick image that is soon replaced
 */

/**
 * Return the query of a rendered frame.
 * @param {Look} look
 * @param {{ rows: number, columns: number } | undefined} facts
 */
export function imageQuery(look, facts) {
  const query = new URLSearchParams();
  const { window } = look;
  if (window) {
    query.set("center", String(window.center));
    query.set("width", String(window.width));
    if (window.function && window.function !== "LINEAR") query.set("function", window.function);
  }
  if (look.inverted) query.set("invert", "1");
  const side = SIDES.find((candidate) => candidate >= look.pixelsWanted);
  const longer = facts ? Math.max(facts.rows, facts.columns) : 0;
  const isCut = side !== undefined && longer > side;
  if (isCut) query.set("side", String(side));
  const pixels = facts ? facts.rows * facts.columns * (isCut && side ? (side / longer) ** 2 : 1) : 0;
  if (!look.exact) query.set("quality", "85");
  else if (pixels <= PNG_PIXELS_MAX) query.set("format", "png");
  else query.set("quality", "95");
  return query;
}
