// @ts-check
/** Mouse, pen, touch and wheel on one element, told as what the person means. Pointer events only. */

/**
 * @typedef {"window" | "scroll" | "zoom" | "pan"} Tool
 * @typedef {object} Meaning
 * @property {(touch: boolean) => Tool} tool what one finger or the main button does now
 * @property {() => void} began a drag began
 * @property {(tool: Tool, dx: number, dy: number, moved: { x: number, y: number }) => void} dragged since its beginning; `moved` since the last call
 * @property {() => void} ended
 * @property {(factor: number, middle: { x: number, y: number }, moved: { x: number, y: number }) => void} pinched
 * @property {(steps: number) => void} wheeled
 * @property {(factor: number, at: { x: number, y: number }) => void} zoomed
 * @property {(at: { x: number, y: number } | null) => void} pointed where the mouse is, null when it left
 * @property {() => void} doubled double click or double tap
 */

const WHEEL_STEP = 60;

/**
 * @param {HTMLElement} element
 * @param {Meaning} meaning
 */
export function listen(element, meaning) {
  /** @type {Map<number, { x: number, y: number }>} */
  const down = new Map();
  /** @type {{ tool: Tool, x: number, y: number, lastX: number, lastY: number } | null} */
  let drag = null;
  let wheel = 0;
  let lastTap = 0;

  /** @param {{ clientX: number, clientY: number }} event */
  function place(event) {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {PointerEvent} event @returns {Tool} */
  function toolOf(event) {
    if (event.pointerType === "touch") return meaning.tool(true);
    if (event.button === 2) return "zoom";
    if (event.button === 1 || event.shiftKey) return "pan";
    return meaning.tool(false);
  }

  function stop() {
    if (drag) meaning.ended();
    drag = null;
  }

  element.addEventListener("pointerdown", (event) => {
    if (/** @type {Element} */ (event.target).closest("button, input, select, a")) return;
    // Pointers that a script made cannot be captured; drags that stay inside work without.
    try {
      element.setPointerCapture(event.pointerId);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    const at = place(event);
    down.set(event.pointerId, at);
    element.focus({ preventScroll: true });
    if (down.size === 1) {
      drag = { tool: toolOf(event), x: at.x, y: at.y, lastX: at.x, lastY: at.y };
      meaning.began();
      if (event.pointerType === "touch") tapped(event);
    } else stop();
    event.preventDefault();
  });

  /** @param {PointerEvent} event */
  function tapped(event) {
    if (event.timeStamp - lastTap < 300) meaning.doubled();
    lastTap = event.timeStamp;
  }

  element.addEventListener("pointermove", (event) => {
    const at = place(event);
    const before = down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") meaning.pointed(at);
      return;
    }
    if (down.size === 2) pinch(event.pointerId, before, at);
    down.set(event.pointerId, at);
    if (drag && down.size === 1) {
      if (Math.hypot(at.x - drag.x, at.y - drag.y) > 8) lastTap = 0;
      meaning.dragged(drag.tool, at.x - drag.x, at.y - drag.y, { x: at.x - drag.lastX, y: at.y - drag.lastY });
      drag.lastX = at.x;
      drag.lastY = at.y;
    }
    if (event.pointerType !== "touch") meaning.pointed(at);
  });

  /**
   * @param {number} id
   * @param {{ x: number, y: number }} before
   * @param {{ x: number, y: number }} after
   */
  function pinch(id, before, after) {
    const other = [...down].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(after.x - other.x, after.y - other.y);
    const middle = { x: (after.x + other.x) / 2, y: (after.y + other.y) / 2 };
    const moved = { x: (after.x - before.x) / 2, y: (after.y - before.y) / 2 };
    meaning.pinched(was > 0 ? is / was : 1, middle, moved);
  }

  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    element.addEventListener(name, (event) => {
      if (!down.delete(event.pointerId)) return;
      stop();
    });
  }
  element.addEventListener("pointerleave", () => meaning.pointed(null));
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", () => meaning.doubled());
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
    { passive: false },
  );
}
