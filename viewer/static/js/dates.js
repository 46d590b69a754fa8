// @ts-check
/**
 * Date fields that speak the page's language: a text field shows dd/mm/yyyy, a form hands on ISO dates, and a button opens
 * the browser's own calendar. The spellings and their meaning are those of `viewer/days.py`.
 */

import { t } from "./words.js";

const SPELLINGS = [
  /^(?<year>\d{4})[-/.](?<month>\d{1,2})[-/.](?<day>\d{1,2})$/,
  /^(?<day>\d{1,2})[-/. ](?<month>\d{1,2})[-/. ](?<year>\d{4}|\d{2})$/,
  /^(?<day>\d{2})(?<month>\d{2})(?<year>\d{4})$/,
  /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})$/,
];
const FIRST_YEAR = 1800;
const LAST_YEAR = 2999;
const PIVOT = 70;

/**
 * The day that a text says, as an ISO date; empty when it says none.
 * @param {string} text
 */
function isoOf(text) {
  for (const spelling of SPELLINGS) {
    const parts = spelling.exec(text.trim())?.groups;
    const found = parts && isoDay(parts.year, Number(parts.month), Number(parts.day));
    if (found) return found;
  }
  return "";
}

/**
 * @param {string} written
 * @param {number} month
 * @param {number} day
 */
function isoDay(written, month, day) {
  const short = Number(written);
  const year = written.length > 2 ? short : short + (short >= PIVOT ? 1900 : 2000);
  if (year < FIRST_YEAR || year > LAST_YEAR) return "";
  const moment = new Date(Date.UTC(year, month - 1, day));
  // An impossible day runs over into the next month.
  const exists = moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day;
  return exists ? moment.toISOString().slice(0, 10) : "";
}

/** @param {string} iso */
function shown(iso) {
  return iso.split("-").reverse().join("/");
}

/**
 * @param {HTMLInputElement} field
 * @param {string} problem empty when nothing is wrong
 */
function say(field, problem) {
  if (problem) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  const place = document.getElementById(`${field.id}-problem`);
  if (place && place.textContent !== problem) place.textContent = problem;
}

/**
 * Write the fields of a range as dates are written here, and say what is wrong with them.
 * @param {HTMLInputElement[]} fields the first day and the last
 */
function settle(fields) {
  let first = "";
  for (const field of fields) {
    const iso = isoOf(field.value);
    if (iso) field.value = shown(iso);
    if (field.value.trim() && !iso) {
      say(field, t("This is not a date and is not searched by. Write day, month and year, such as 31/12/2026."));
    } else say(field, iso && iso < first ? t("This day is before the first one, so no study can match.") : "");
    first ||= iso;
  }
}

/**
 * Let the button open the browser's own calendar, where the browser lets a script do so.
 * @param {HTMLInputElement} field
 */
function addCalendar(field) {
  const button = /** @type {HTMLButtonElement | null} */ (field.parentElement?.querySelector(".calendar"));
  if (!button || !("showPicker" in HTMLInputElement.prototype)) return;
  const native = document.createElement("input");
  native.type = "date";
  native.className = "native";
  native.tabIndex = -1;
  native.ariaHidden = "true";
  button.after(native);
  button.hidden = false;
  button.addEventListener("click", () => {
    native.value = isoOf(field.value);
    native.showPicker();
  });
  native.addEventListener("input", (event) => event.stopPropagation());
  native.addEventListener("change", (event) => {
    event.stopPropagation();
    field.value = native.value && shown(native.value);
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

for (const form of document.forms) {
  const fields = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll(".day input")]);
  for (const field of fields) {
    addCalendar(field);
    field.addEventListener("input", () => say(field, ""));
    field.addEventListener("change", () => settle(fields));
  }
  form.addEventListener("formdata", ({ formData }) => {
    for (const field of fields) formData.set(field.name, isoOf(field.value) || field.value.trim());
  });
}
