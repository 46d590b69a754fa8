/** One rendering engine for the page, over the frames that the library holds. */

import { cache, init, RenderingEngine } from "@cornerstonejs/core";
import type { Library } from "../frames";
import { serveImages } from "./images";

export interface Engine {
  rendering: RenderingEngine;
}

const ENGINE_ID = "reading-room";
/** Viewports take turns on these; each context costs memory and start-up time. */
const CONTEXTS = 1;

export function startEngine(library: Library, cacheBytes: number): Engine {
  init({ rendering: { webGlContextCount: CONTEXTS } } as unknown as Parameters<typeof init>[0]);
  // Our library keeps the budget; Cornerstone's bound is only a second fence.
  cache.setMaxCacheSize(cacheBytes * 2);
  serveImages(library);
  return { rendering: new RenderingEngine(ENGINE_ID) };
}
