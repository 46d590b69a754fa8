import { expect, test } from "vitest";
import { keyOf } from "./keyboard";

const press = (key: string, { shift = false, caps = false, ctrl = false } = {}) =>
  keyOf({ key, shiftKey: shift, ctrlKey: ctrl, metaKey: false, getModifierState: (name) => caps && name === "CapsLock" });

test("Caps Lock changes nothing of what keys do", () => {
  expect([press("r"), press("R", { shift: true }), press("PageDown"), press("?", { shift: true })]).toEqual(["r", "R", "PageDown", "?"]);
  expect([press("R", { caps: true }), press("r", { caps: true, shift: true }), press("PageDown", { caps: true }), press("?", { caps: true, shift: true })]).toEqual(["r", "R", "PageDown", "?"]);
  expect([press("Z", { caps: true, ctrl: true }), press("z", { ctrl: true })]).toEqual(["Ctrl z", "Ctrl z"]);
});
