/**
 * Playing a stack. The time decides which image comes: those that the screen was too late for are skipped, so that the
 * rate holds. An image that is not there yet is waited for, and the wait is not made up for. Pure.
 */

const RATE_MIN = 1;
const RATE_MAX = 60;
export const RATE_DEFAULT = 15;
/** A clock that stood still for longer was paused, as in a hidden tab: there is nothing to skip. */
const PAUSE_MS = 1000;

export function limitedRate(rate: number | null | undefined): number {
  return rate && Number.isFinite(rate) ? Math.min(Math.max(rate, RATE_MIN), RATE_MAX) : RATE_DEFAULT;
}

export class Clock {
  private due: number;

  constructor(
    now: number,
    public rate: number,
  ) {
    this.due = now + 1000 / rate;
  }

  /** How many images to go on at `now`; 0 while none is due. */
  steps(now: number): number {
    if (now < this.due) return 0;
    const interval = 1000 / this.rate;
    const late = now - this.due;
    const missed = late < PAUSE_MS ? Math.floor(late / interval) : 0;
    this.due = late < PAUSE_MS ? this.due + (missed + 1) * interval : now + interval;
    return missed + 1;
  }

  /** The image that was due is not here: it is due from now on. */
  wait(now: number): void {
    this.due = now;
  }
}
