/** What became of the study since it was opened: more images, fewer, none. */

export { default as NewsBar } from "./News.svelte";
export { Watch } from "./watch.svelte";
