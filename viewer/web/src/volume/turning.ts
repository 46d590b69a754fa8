/** Turning a stack of planes by hand: from a wanted direction to the tilt and turn that give it. Pure. */

import { cross, dot, type Vector } from "../sync";
import { LOOKS, type Orientation } from "./space";

const DEGREES = 180 / Math.PI;

/** Tilt and turn (degrees, -90 to 90) with which the planes of an orientation stand at right angles to `normal`. */
export function anglesFor(orientation: Orientation, normal: Vector): { tilt: number; turn: number } {
  const { row, column, next } = LOOKS[orientation];
  const sign = Math.sign(dot(normal, next)) || 1;
  const wanted: Vector = [normal[0] * sign, normal[1] * sign, normal[2] * sign];
  // The direction after both is cos(turn) (cos(tilt) next + sin(tilt) row x next) + sin(turn) column x next.
  const aside = Math.sign(dot(cross(column, next), row));
  const turn = Math.asin(Math.min(1, Math.max(-1, aside * dot(wanted, row))));
  const tilt = Math.atan2(dot(wanted, cross(row, next)), dot(wanted, next));
  return { tilt: Math.round(tilt * DEGREES) || 0, turn: Math.round(turn * DEGREES) || 0 };
}

/** By how many degrees `from` has to be turned about `axis` (unit length) to point as `to` does; both across the axis. */
export function angleAbout(axis: Vector, from: Vector, to: Vector): number {
  return Math.atan2(dot(cross(from, to), axis), dot(from, to)) * DEGREES;
}
