/** A body in three dimensions, over the whole page; loaded when it is asked for. */

import { mount, unmount } from "svelte";
import type { SeriesFrames } from "../frames";
import { showBodiesBy, type Volume } from "../volume";

export function addSolid(): void {
  showBodiesBy(showSolid);
}

/** Show a volume until the person closes it; false where the code for it does not come. */
async function showSolid(study: string, series: SeriesFrames, volume: Volume): Promise<boolean> {
  const loaded = await import("./Solid.svelte").catch(() => null);
  if (!loaded) return false;
  const { default: Solid } = loaded;
  const before = document.activeElement;
  const shown = mount(Solid, {
    target: document.body,
    props: {
      study,
      series,
      volume,
      close: () => {
        void unmount(shown);
        if (before instanceof HTMLElement) before.focus();
      },
    },
  });
  return true;
}
