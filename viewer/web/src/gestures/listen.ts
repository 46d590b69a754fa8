import type { Point } from "../placement";

export type Tool = "window" | "scroll" | "zoom" | "pan" | "probe" | "magnify" | "crosshair" | "none";

export interface Meaning {
  /** What one finger or the main button does now; "none" leaves the event to others. */
  tool(touch: boolean): Tool;
  began(at: Point, tool: Tool): void;
  dragged(tool: Tool, total: Point, step: Point, at: Point): void;
  ended(tool: Tool): void;
  pinched(factor: number, middle: Point, moved: Point): void;
  wheeled(steps: number): void;
  zoomed(factor: number, at: Point): void;
  /** Where the mouse is, null when it left. */
  pointed(at: Point | null): void;
  doubled(): void;
}

const WHEEL_STEP = 60;
const TAP_MS = 300;
const STILL = 8;

/** Listen on `element` until the returned function is called. */
export function listen(element: HTMLElement, meaning: Meaning): () => void {
  const down = new Map<number, Point>();
  let drag: { tool: Tool; start: Point; last: Point } | null = null;
  let wheel = 0;
  let lastTap = 0;
  const ending = new AbortController();
  const { signal } = ending;

  function place(event: { clientX: number; clientY: number }): Point {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  function toolOf(event: PointerEvent): Tool {
    if (event.pointerType === "touch") return meaning.tool(true);
    if (event.button === 2) return "zoom";
    if (event.button === 1 || event.shiftKey) return "pan";
    return meaning.tool(false);
  }

  function stop(): void {
    if (drag) meaning.ended(drag.tool);
    drag = null;
  }

  function capture(event: PointerEvent): void {
    // Pointers that a script made cannot be captured; drags that stay inside work without.
    try {
      element.setPointerCapture(event.pointerId);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  }

  element.addEventListener(
    "pointerdown",
    (event) => {
      if ((event.target as Element).closest("button, input, select, a")) return;
      const tool = toolOf(event);
      element.focus({ preventScroll: true });
      if (tool === "none") return;
      capture(event);
      const at = place(event);
      down.set(event.pointerId, at);
      if (down.size === 1) {
        drag = { tool, start: at, last: at };
        meaning.began(at, tool);
        if (event.pointerType === "touch") {
          if (event.timeStamp - lastTap < TAP_MS) meaning.doubled();
          lastTap = event.timeStamp;
        }
      } else stop();
      event.preventDefault();
    },
    { signal },
  );

  element.addEventListener(
    "pointermove",
    (event) => {
      const at = place(event);
      const before = down.get(event.pointerId);
      if (event.pointerType !== "touch") meaning.pointed(at);
      if (!before) return;
      if (down.size === 2) pinch(event.pointerId, before, at);
      down.set(event.pointerId, at);
      if (drag && down.size === 1) {
        const total = { x: at.x - drag.start.x, y: at.y - drag.start.y };
        if (Math.hypot(total.x, total.y) > STILL) lastTap = 0;
        meaning.dragged(drag.tool, total, { x: at.x - drag.last.x, y: at.y - drag.last.y }, at);
        drag.last = at;
      }
    },
    { signal },
  );

  function pinch(id: number, before: Point, after: Point): void {
    const other = [...down].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(after.x - other.x, after.y - other.y);
    const middle = { x: (after.x + other.x) / 2, y: (after.y + other.y) / 2 };
    meaning.pinched(was > 0 ? is / was : 1, middle, { x: (after.x - before.x) / 2, y: (after.y - before.y) / 2 });
  }

  for (const name of ["pointerup", "pointercancel"] as const) {
    element.addEventListener(
      name,
      (event) => {
        if (down.delete(event.pointerId)) stop();
      },
      { signal },
    );
  }
  element.addEventListener("pointerleave", () => meaning.pointed(null), { signal });
  element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  element.addEventListener("dblclick", () => meaning.doubled(), { signal });
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const delta = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 40 : event.deltaY;
      if (event.ctrlKey || event.metaKey) {
        meaning.zoomed(Math.exp(-Math.max(-120, Math.min(120, delta)) / 300), place(event));
        return;
      }
      // A notch of a mouse wheel is one step; a touchpad's small moves are summed up to one.
      wheel = Math.sign(delta) === Math.sign(wheel) ? wheel + delta : delta;
      const steps = Math.abs(delta) >= 100 ? Math.sign(delta) : Math.trunc(wheel / WHEEL_STEP);
      if (steps) {
        wheel = 0;
        meaning.wheeled(steps);
      }
    },
    { passive: false, signal },
  );
  return () => ending.abort();
}
