/** How long this thread was kept busy by other things: time in which nothing that arrived could be taken. */

const EVERY_MS = 25;
/** Timers come this late without anything being wrong. */
const LATE_MS = 25;

export class Beat {
  /** Milliseconds, rising. */
  busy = 0;
  private last = performance.now();
  private readonly timer = setInterval(() => this.tick(), EVERY_MS);

  tick(): void {
    const now = performance.now();
    const late = now - this.last - EVERY_MS;
    if (late > LATE_MS) this.busy += late;
    this.last = now;
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
