/** A body in three dimensions, over the whole page; loaded when it is asked for. */

import { mount, unmount } from "svelte";
import type { SeriesFrames } from "../frames";
import { showBodiesBy, type Volume } from "../volume";

export function addSolid(): void {
  showBodiesBy(showSolid);
}

/** Show a volume until the person closes it. */
async function showSolid(study: string, series: SeriesFrames, volume: Volume): Promise<void> {
  const { default: Solid } = await import("./Solid.svelte");
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
}
