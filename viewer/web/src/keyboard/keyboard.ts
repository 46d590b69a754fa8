import { ACTIONS, type Room } from "../room";
import { togglePlay } from "../cine";
import { choices } from "../toolbar";

const step = (by: number) => (room: Room) => room.go(room.cell, room.cell.position + by);

const KEYS: Record<string, (room: Room) => unknown> = {
  ArrowUp: step(-1),
  ArrowLeft: step(-1),
  ArrowDown: step(1),
  ArrowRight: step(1),
  PageUp: step(-10),
  PageDown: step(10),
  Home: (room) => room.go(room.cell, 0),
  End: (room) => room.go(room.cell, room.cell.total - 1),
  "[": (room) => room.otherSeries(-1),
  "]": (room) => room.otherSeries(1),
  i: ACTIONS.invert,
  r: ACTIONS.rotateRight,
  R: ACTIONS.rotateLeft,
  h: ACTIONS.flipAcross,
  v: ACTIONS.flipDown,
  f: ACTIONS.fit,
  F: ACTIONS.full,
  0: ACTIONS.reset,
  "+": ACTIONS.zoomIn,
  "=": ACTIONS.zoomIn,
  "-": ACTIONS.zoomOut,
  w: (room) => room.take("window"),
  s: (room) => room.take("scroll"),
  z: (room) => room.take("zoom"),
  p: (room) => room.take("pan"),
  b: (room) => room.take("probe"),
  g: (room) => room.take("magnify"),
  x: (room) => room.take("crosshair"),
  y: (room) => (room.synced = !room.synced),
  Y: (room) => (room.windowsSynced = !room.windowsSynced),
  k: (room) => (room.lines = !room.lines),
  o: (room) => (room.overlays = !room.overlays),
  n: (room) => room.cell.setSmooth(!room.cell.smooth),
  "?": (room) => (room.help = true),
  " ": togglePlay,
};

/** Add a key; one that is taken stays as it was. */
export function addKey(key: string, act: (room: Room) => unknown): void {
  if (key in KEYS) throw new Error(`key ${key} is taken`);
  KEYS[key] = act;
}

export function startKeyboard(room: Room): void {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || isNeeded(event.key, event.target)) return;
    if (document.querySelector("dialog[open], [role=dialog]")) return;
    const key = keyOf(event);
    const act = KEYS[key] ?? preset(key);
    if (!act) return;
    event.preventDefault();
    act(room);
  });
}

/** The name of a key: Caps Lock makes no capitals of letters, only Shift does. */
export function keyOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "getModifierState">): string {
  const { key } = event;
  if (event.ctrlKey || event.metaKey) return `Ctrl ${key.toLowerCase()}`;
  if (key.length > 1 || !event.getModifierState("CapsLock")) return key;
  return event.shiftKey ? key.toUpperCase() : key.toLowerCase();
}

function preset(key: string): ((room: Room) => void) | undefined {
  if (!/^[1-9]$/.test(key)) return undefined;
  return (room) => {
    const choice = choices(room.page, room.cell).find((one) => one.key === key);
    if (choice) room.window(room.cell, choice.voi);
  };
}

const MOVES = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

/** Whether the element that has the focus needs a key for itself: a field all of them, a slider and a button their own. */
function isNeeded(key: string, target: EventTarget | null): boolean {
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  if (MOVES.has(key) && target instanceof Element && target.matches("[role=slider]")) return true;
  if (target instanceof HTMLInputElement) {
    // The slider beside a picture goes through the images, as the same keys do in the picture.
    if (target.type === "range") return MOVES.has(key) && !target.closest(".viewport");
    return target.type === "checkbox" || target.type === "radio" ? key === " " : true;
  }
  // A button that was clicked keeps the focus, but the hand is back at the picture by then.
  return key === " " && target instanceof Element && target.matches(":is(button, summary, a):focus-visible");
}
