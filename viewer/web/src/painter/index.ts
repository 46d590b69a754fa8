/** Paints flat pictures: small, there at once. What is solid is painted by `solid`, loaded when it is asked for. */

import type { Library } from "../frames";
import { Brush, NoGraphics } from "./brush";
import { Screen } from "./screen";

export { NoGraphics } from "./brush";
export { Graphics } from "./graphics.svelte";
export type { Look, Screen } from "./screen";

export interface Painter {
  /** Take an element as a screen; its size is followed. */
  screen(element: HTMLDivElement): Screen;
  /** Begin anew where the graphics driver does not come back; nothing changes where there is none. */
  again(): void;
}

/** Throws `NoGraphics` where there is no WebGL 2. `lost` is told when the graphics driver took the context away (true) and when it is back. */
export function startPainter(library: Library, lost: (isLost: boolean) => void): Painter {
  const brush = new Brush();
  const screens = new Set<Screen>();
  brush.lost = (isLost) => {
    lost(isLost);
    if (!isLost) for (const screen of screens) screen.ask();
  };
  return {
    screen(element) {
      const screen = new Screen(brush, element, library, (closed) => screens.delete(closed));
      screens.add(screen);
      return screen;
    },
    again() {
      try {
        brush.renew();
      } catch (error) {
        if (error instanceof NoGraphics) return;
        throw error;
      }
      brush.lost(false);
    },
  };
}
