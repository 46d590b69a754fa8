export { Cell } from "./cell.svelte";
export { ownVois, paddingValues } from "./own";
export { default as CellView } from "./CellView.svelte";
export type { Hands } from "./pointing";
export { zoom } from "./pointing";
