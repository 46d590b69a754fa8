/** What keys, mouse and fingers do, on `?`. */

export { default as Help } from "./Help.svelte";
