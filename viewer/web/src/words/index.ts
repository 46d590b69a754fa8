/** The words of this page in the person's language, handed over by the page as a JSON block. */

const block = typeof document === "undefined" ? null : document.getElementById("words");
const words = JSON.parse(block?.textContent ?? "{}") as Record<string, string>;

export type Values = Record<string, string | number>;

/** Return `text` (English, and the key of the catalogue) in the person's language, `{name}` replaced by `values.name`. */
export function t(text: string, values: Values = {}): string {
  const found = words[text] || text;
  return found.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export const language = typeof document === "undefined" ? "en" : document.documentElement.lang;
