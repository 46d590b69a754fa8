export { default as Toolbar } from "./Toolbar.svelte";
export { choices } from "./windows";
