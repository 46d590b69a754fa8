/** One cell on the screen: its picture, its letters and texts, and what features lay over it. */

export { default as CellView } from "./CellView.svelte";
