export { LAYOUTS, Room, type Layout } from "./room.svelte";
export { ACTIONS } from "./actions";
export { onOpening, onScroll, onTool, onWindow } from "./events";
