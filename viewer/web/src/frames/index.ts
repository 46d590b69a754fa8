export type { Facts, Region, Shutter, SpacingStatus } from "./facts";
export { isAbort, request, RequestError } from "./fetching";
export { linkRate } from "./link";
export { Library, type Trouble, type Wish } from "./library";
export { Pace } from "./pace";
export { SeriesFrames, type Picture } from "./series";
export { BrowserShelf, emptyShelf } from "./shelf";
export { Shelving } from "./shelving";
export { extent, type Values } from "./values";
