/** One rendering engine for the page; a screen for each cell. */

import { cache, init, RenderingEngine } from "@cornerstonejs/core";
import type { Library } from "../frames";
import { serveImages } from "./images";
import { Screen } from "./screen";

export interface Engine {
  /** Take an element as a screen; its size is followed. */
  screen(element: HTMLDivElement): Screen;
  rendering: RenderingEngine;
}

const ENGINE_ID = "reading-room";
/** Screens take turns on these; each context costs memory and start-up time. */
const CONTEXTS = 1;

export function startEngine(library: Library, cacheBytes: number): Engine {
  init({ rendering: { webGlContextCount: CONTEXTS } } as unknown as Parameters<typeof init>[0]);
  // Our library keeps the budget; Cornerstone's bound is only a second fence.
  cache.setMaxCacheSize(cacheBytes * 2);
  serveImages(library);
  const rendering = new RenderingEngine(ENGINE_ID);
  let count = 0;
  return { rendering, screen: (element) => new Screen(rendering, `cell-${count++}`, element, library) };
}
