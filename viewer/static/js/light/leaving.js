// @ts-check
/** The ways out of the page keep the place: to the reading room, and to the same page in the other language. */

import { state } from "./state.js";

/** @param {string} path @returns {string} the path, with the image that is looked at */
function atThisImage(path) {
  const address = new URL(path, location.href);
  if (state.stack) {
    address.searchParams.set("series", state.stack.series.uid);
    address.searchParams.set("image", String(state.position + 1));
  }
  return address.pathname + address.search;
}

export function wireLeaving() {
  /** @type {HTMLAnchorElement | null} */
  const room = document.querySelector("a[data-other-view]");
  room?.addEventListener("click", () => room.setAttribute("href", atThisImage(room.href)));
  /** @type {HTMLFormElement | null} */
  const form = document.querySelector("form.language");
  /** @type {HTMLInputElement | null} */
  const next = document.querySelector("form.language [name=next]");
  form?.addEventListener("submit", () => {
    if (next) next.value = atThisImage(next.value);
  });
}
