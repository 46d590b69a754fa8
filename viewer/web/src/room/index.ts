export { LAYOUTS, Room, type Layout } from "./room.svelte";
export { ACTIONS } from "./actions";
export { onScroll, onTool, onWindow } from "./events";
