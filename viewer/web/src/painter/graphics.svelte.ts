/** Whether there is a graphics driver to paint with: a person is told when it stopped, and when it does not come back. */

/** A driver that was reset is back within a second or two; a browser that refuses WebGL after several resets never says so. */
export const PATIENCE_MS = 4000;

export class Graphics {
  /** "gone" when it has been away for so long that something else is offered. */
  state = $state<"here" | "lost" | "gone">("here");
  private timer: ReturnType<typeof setTimeout> | undefined;

  tell(isLost: boolean): void {
    clearTimeout(this.timer);
    if (!isLost) this.state = "here";
    else {
      this.state = "lost";
      this.timer = setTimeout(() => (this.state = "gone"), PATIENCE_MS);
    }
  }
}
