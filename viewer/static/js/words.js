// @ts-check
/** The words of this page in the person's language, handed over by the page as a JSON block. */

/** @type {Record<string, string>} */
const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

/**
 * Return `text` in the person's language, with `{name}` replaced by `values.name`.
 * @param {string} text English, and the key of the catalogue
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(text, values = {}) {
  const found = words[text] || text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * A number that was written with a point, as people here write it.
 * @param {string} written
 * @returns {string}
 */
export function numeral(written) {
  return document.documentElement.lang === "vi" ? written.replace(".", ",") : written;
}
