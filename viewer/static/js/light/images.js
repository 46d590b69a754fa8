// @ts-check
/**
 * Fetching rendered images: at most one asked for by the person at a time, and the newest wish wins; neighbours in the
 * background, dropped as soon as they are no longer wished for. Decoded images are kept within a bound.
 *
 * Every wish has a rank (see `looks.js`), and no answer ever replaces one of a higher rank, in whatever order they come.
 */

import { wordsOf } from "../series_cards.js";
import { windowInEffect } from "./windowing.js";

/**
 * @typedef {{ bitmap: ImageBitmap, effect: import("./windowing.js").Window | "none" | "table" }} Picture
 * @typedef {{ address: string, rank: number, shown: (picture: Picture) => void, failed: (words: string) => void }} Wish
 */

/** Decoded pixels that may be kept, 4 bytes each. */
const PIXELS_MAX = matchMedia("(max-width: 760px)").matches ? 16e6 : 48e6;
const AHEAD_AT_ONCE = 2;
/** A request that nobody waits for any more is dropped once it is this old; a younger one is about to arrive. */
const STALE_MS = 250;

export class Images {
  constructor() {
    /** @type {Map<string, Picture>} the last used last */
    this.kept = new Map();
    this.pixels = 0;
    /** @type {{ wish: Wish, control: AbortController, since: number } | null} */
    this.running = null;
    /** @type {Wish | null} */
    this.next = null;
    /** The highest rank that was answered. */
    this.answered = 0;
    /** @type {string[]} */
    this.ahead = [];
    /** @type {Map<string, AbortController>} */
    this.aheadRunning = new Map();
  }

  /** @param {string} address */
  has(address) {
    return this.kept.has(address);
  }

  /**
   * Show an image as soon as it can be; a wish of no higher rank that is still waiting is forgotten.
   * @param {Wish} wish
   */
  want(wish) {
    if (this.isOutdone(wish)) return;
    this.next = null;
    const picture = this.take(wish.address);
    if (picture) {
      this.answer(wish, () => wish.shown(picture));
      return;
    }
    this.next = wish;
    if (this.running && performance.now() - this.running.since > STALE_MS && this.running.wish.address !== wish.address) {
      this.running.control.abort();
    }
    if (!this.running) this.start();
  }

  /**
   * Tell whether something better is here or on its way, which this wish must neither replace nor delay.
   * @param {Wish} wish
   */
  isOutdone(wish) {
    const running = this.running && !this.running.control.signal.aborted ? this.running.wish.rank : 0;
    return wish.rank < Math.max(this.answered, this.next?.rank ?? 0, running);
  }

  /**
   * Answer a wish unless one of a higher rank has been answered already.
   * @param {Wish} wish
   * @param {() => void} how
   */
  answer(wish, how) {
    if (wish.rank < this.answered) return;
    this.answered = wish.rank;
    how();
  }

  /**
   * Fetch these in the background, the first one first; what is running and not among them is dropped.
   * @param {string[]} addresses
   */
  prefetch(addresses) {
    for (const [address, control] of this.aheadRunning) if (!addresses.includes(address)) control.abort();
    this.ahead = addresses.filter((address) => !this.kept.has(address) && !this.aheadRunning.has(address));
    this.startAhead();
  }

  async start() {
    const wish = this.next;
    this.next = null;
    if (!wish) return;
    const control = new AbortController();
    this.running = { wish, control, since: performance.now() };
    try {
      // The one that ran before may have brought it.
      const picture = this.take(wish.address) ?? (await this.fetch(wish.address, control.signal));
      this.answer(wish, () => wish.shown(picture));
    } catch (error) {
      // Dropped on purpose, or replaced by a newer wish: neither is news for the person.
      const words = error instanceof Error ? error.message : String(error);
      if (!control.signal.aborted && !this.next) this.answer(wish, () => wish.failed(words));
    } finally {
      this.running = null;
      if (this.next) this.start();
      else this.startAhead();
    }
  }

  startAhead() {
    while (!this.running && this.ahead.length && this.aheadRunning.size < AHEAD_AT_ONCE) {
      const address = /** @type {string} */ (this.ahead.shift());
      const control = new AbortController();
      this.aheadRunning.set(address, control);
      this.fetch(address, control.signal)
        .catch(() => undefined) // asked for again, and then told, when the person gets there
        .finally(() => {
          this.aheadRunning.delete(address);
          this.startAhead();
        });
    }
  }

  /**
   * @param {string} address
   * @param {AbortSignal} signal
   * @returns {Promise<Picture>}
   */
  async fetch(address, signal) {
    const answer = await fetch(address, { headers: { Accept: "image/png, image/jpeg, application/json" }, signal });
    if (!answer.ok) throw new Error(await wordsOf(answer));
    const effect = windowInEffect(answer.headers.get("X-Window"));
    const bitmap = await createImageBitmap(await answer.blob());
    const picture = { bitmap, effect };
    this.keep(address, picture);
    return picture;
  }

  /** @param {string} address */
  take(address) {
    const picture = this.kept.get(address);
    if (!picture) return null;
    this.kept.delete(address);
    this.kept.set(address, picture);
    return picture;
  }

  /**
   * @param {string} address
   * @param {Picture} picture
   */
  keep(address, picture) {
    this.drop(address);
    this.kept.set(address, picture);
    this.pixels += picture.bitmap.width * picture.bitmap.height;
    // Not closed by hand: the one on the screen may be among them; the browser frees what nobody holds.
    for (const oldest of this.kept.keys()) {
      if (this.pixels <= PIXELS_MAX || oldest === address) break;
      this.drop(oldest);
    }
  }

  /** @param {string} address */
  drop(address) {
    const picture = this.kept.get(address);
    if (!picture) return;
    this.kept.delete(address);
    this.pixels -= picture.bitmap.width * picture.bitmap.height;
  }
}
