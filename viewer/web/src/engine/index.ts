/** Cornerstone3D behind one door, for volumes: reformats, projections, 3-D. Loaded when the first one is asked for. */

export { imageIdOf, placeOf, type Place } from "./images";
export { startEngine, type Engine } from "./start";
