/** Mouse, pen, touch and wheel on one element, told as what the person means. */

export { listen, type Meaning, type Tool } from "./listen";
