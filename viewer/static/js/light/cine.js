// @ts-check
/** Playing a stack or a multi-frame object: the time decides which image comes, but never one that is not there yet. */

const RATE_MIN = 1;
const RATE_MAX = 60;
export const RATE_DEFAULT = 15;

/**
 * @param {number} rate frames in a second
 */
export function limitedRate(rate) {
  return Number.isFinite(rate) ? Math.min(Math.max(rate, RATE_MIN), RATE_MAX) : RATE_DEFAULT;
}

export class Cine {
  /** @param {() => boolean} advance shows the next image and says true, or says false while it is still on its way */
  constructor(advance) {
    this.advance = advance;
    this.rate = RATE_DEFAULT;
    this.playing = false;
    this.due = 0;
  }

  start() {
    if (this.playing) return;
    this.playing = true;
    this.due = performance.now() + 1000 / this.rate;
    requestAnimationFrame((now) => this.tick(now));
  }

  stop() {
    this.playing = false;
  }

  /** @param {number} now */
  tick(now) {
    if (!this.playing) return;
    if (now >= this.due && this.advance()) {
      // A late image shifts the plan instead of being made up for by a rush.
      const interval = 1000 / this.rate;
      this.due = Math.max(this.due + interval, now);
    }
    requestAnimationFrame((later) => this.tick(later));
  }
}
