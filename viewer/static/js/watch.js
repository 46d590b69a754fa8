// @ts-check
/**
 * Parts of a page that change: an element with `data-watch="address"` gets what that address says, again and again
 * while what it says is marked `data-open`, or for as long as the page is open with `data-always`.
 */

/** Waits in milliseconds: quick answers are seen at once, long work is asked for once a second. */
const WAITS = [60, 80, 100, 120, 150, 200, 250, 300, 400, 500];
const SLOW_MS = 1000;
const QUIET_MS = 4000;

/** @param {HTMLElement} holder */
async function watch(holder) {
  let held = false;
  holder.addEventListener("pointerdown", () => (held = true));
  window.addEventListener("pointerup", () => setTimeout(() => (held = false), 50));
  for (let tries = 0; isOpen(holder) || "always" in holder.dataset; tries++) {
    await new Promise((done) => setTimeout(done, isOpen(holder) ? (WAITS[tries] ?? SLOW_MS) : QUIET_MS));
    if (document.hidden || held) continue;
    try {
      const answer = await fetch(holder.dataset.watch ?? "", { headers: { Accept: "text/html", "X-Watching": "1" } });
      // Signed out meanwhile: the page itself asks to sign in.
      if (answer.redirected) return location.reload();
      if (answer.ok && !held) replace(holder, await answer.text());
    } catch {
      // The server restarts, or the network is away for a moment; the next try follows.
    }
  }
}

/** @param {HTMLElement} holder */
function isOpen(holder) {
  return holder.querySelector(":scope > [data-open]") !== null;
}

/**
 * @param {HTMLElement} holder
 * @param {string} html made by our own template, which escapes every value
 */
function replace(holder, html) {
  if (html === seen.get(holder)) return;
  seen.set(holder, html);
  const focused = document.activeElement;
  const at = focused && holder.contains(focused) ? [...holder.querySelectorAll("a, button")].indexOf(focused) : -1;
  holder.innerHTML = html;
  const again = /** @type {HTMLElement | undefined} */ ([...holder.querySelectorAll("a, button")][at]);
  if (at >= 0) again?.focus({ preventScroll: true });
}

/** @type {WeakMap<HTMLElement, string>} */
const seen = new WeakMap();
for (const holder of document.querySelectorAll("[data-watch]")) watch(/** @type {HTMLElement} */ (holder));
