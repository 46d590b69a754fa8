/** From where a body is looked at: patient coordinates (LPS), yaw about the body's long axis, then pitch. Pure. */

import type { Vector } from "../sync";

export interface Camera {
  /** Degrees; 0 from the front, 90 from the patient's left. */
  yaw: number;
  /** Degrees; 90 from above the head. */
  pitch: number;
  zoom: number;
}

export interface Axes {
  right: Vector;
  up: Vector;
  /** Into the screen. */
  into: Vector;
}

export const FRONT: Camera = { yaw: 0, pitch: 0, zoom: 1 };

export function axesOf({ yaw, pitch }: Camera): Axes {
  const [y, p] = [(yaw * Math.PI) / 180, (pitch * Math.PI) / 180];
  const right: Vector = [Math.cos(y), Math.sin(y), 0];
  const level: Vector = [-Math.sin(y), Math.cos(y), 0];
  const into: Vector = [level[0] * Math.cos(p), level[1] * Math.cos(p), -Math.sin(p)];
  const up: Vector = [level[0] * Math.sin(p), level[1] * Math.sin(p), Math.cos(p)];
  return { right, up, into };
}

/** After a drag of (dx, dy) CSS pixels: what is under the hand goes along with it. */
export function turnedBy(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, yaw: (camera.yaw - dx * 0.5) % 360, pitch: Math.min(90, Math.max(-90, camera.pitch + dy * 0.5)) };
}
