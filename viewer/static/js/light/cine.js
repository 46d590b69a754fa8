// @ts-check
/**
 * Playing a stack or a multi-frame object. The time decides which image comes: those that the screen was too late for
 * are skipped, so that the rate holds. An image that is not there yet is waited for, and the wait is not made up for.
 */

const RATE_MIN = 1;
const RATE_MAX = 60;
export const RATE_DEFAULT = 15;
/** A clock that stood still for longer was paused, as in a hidden tab: there is nothing to skip. */
const PAUSE_MS = 1000;

/**
 * @param {number} rate frames in a second
 */
export function limitedRate(rate) {
  return Number.isFinite(rate) ? Math.min(Math.max(rate, RATE_MIN), RATE_MAX) : RATE_DEFAULT;
}

export class Cine {
  constructor() {
    /** Moves on by at most so many images; false while none of them is there. @type {(steps: number) => boolean} */
    this.advance = () => false;
    /** Told when it begins or stops. */
    this.changed = () => {};
    this.rate = RATE_DEFAULT;
    this.playing = false;
    this.due = 0;
    /** Only the newest start has a clock. */
    this.started = 0;
  }

  start() {
    if (this.playing) return;
    this.playing = true;
    this.due = performance.now() + 1000 / this.rate;
    this.started += 1;
    this.wait(this.started);
    this.changed();
  }

  stop() {
    this.playing = false;
    this.changed();
  }

  /** @param {number} started */
  wait(started) {
    requestAnimationFrame((now) => {
      if (!this.playing || started !== this.started) return;
      this.tick(now);
      this.wait(started);
    });
  }

  /** @param {number} now */
  tick(now) {
    if (now < this.due) return;
    const interval = 1000 / this.rate;
    const late = now - this.due;
    const missed = late < PAUSE_MS ? Math.floor(late / interval) : 0;
    const plan = late < PAUSE_MS ? this.due + (missed + 1) * interval : now + interval;
    // Nothing there: due from now on, one image at the next chance.
    this.due = this.advance(missed + 1) ? plan : now;
  }
}
