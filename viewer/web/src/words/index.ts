/** The words of this page in the person's language, handed over by the page as a JSON block. */

const block = typeof document === "undefined" ? null : document.getElementById("words");
const words = JSON.parse(block?.textContent ?? "{}") as Record<string, string>;

export type Values = Record<string, string | number>;

/** Return `text` (English, and the key of the catalogue) in the person's language, `{name}` replaced by `values.name`. */
export function t(text: string, values: Values = {}): string {
  const found = words[text] || text;
  return found.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A DICOM date and time, joined, as people write it; empty where it is none. */
export function stamped(stamp: string): string {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)?(\d\d)?/.exec(stamp);
  return found ? `${found[3]}/${found[2]}/${found[1]}${found[5] ? ` ${found[4]}:${found[5]}` : ""}` : "";
}

/** A number that was written with a point, as people here write it. */
export function numeral(written: string): string {
  return language === "vi" ? written.replace(".", ",") : written;
}

export const language = typeof document === "undefined" ? "en" : document.documentElement.lang;
