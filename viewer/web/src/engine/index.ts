/** Cornerstone3D behind one door: the only feature that draws pixels. Loaded on demand, after the first picture. */

export { imageIdOf, placeOf, type Place } from "./images";
export { startEngine, type Engine } from "./start";
export type { Look, Screen } from "./screen";
