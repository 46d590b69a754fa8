export { Cell } from "./cell.svelte";
export { ownVois, paddingValues } from "./own";
export { handle, zoom, type Hands } from "./pointing";
