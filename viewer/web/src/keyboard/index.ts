/** What keys do. */

export { addKey, startKeyboard } from "./keyboard";
