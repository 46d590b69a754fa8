import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Graphics, PATIENCE_MS } from "./graphics.svelte";

describe("a graphics driver", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is waited for before it is given up", () => {
    const graphics = new Graphics();
    graphics.tell(true);
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    expect(graphics.state).toBe("lost");
    vi.advanceTimersByTime(1);
    expect(graphics.state).toBe("gone");
    graphics.tell(false);
    expect(graphics.state).toBe("here");
  });

  it("that is back is not given up later", () => {
    const graphics = new Graphics();
    graphics.tell(true);
    graphics.tell(false);
    vi.advanceTimersByTime(2 * PATIENCE_MS);
    expect(graphics.state).toBe("here");
  });
});
