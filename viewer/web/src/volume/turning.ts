/** Turning a stack of planes by hand: from a wanted direction to the tilt and turn that give it. Pure. */

import { cross, dot, type Vector } from "../sync";
import { directionsOf, LOOKS, type Orientation } from "./space";

const DEGREES = 180 / Math.PI;
/** Planes of documents are met to a tenth of a degree; those that were set here stand at whole ones. */
const FINE = 10;

/** How a stack of planes is named here. */
export interface Look {
  orientation: Orientation;
  tilt: number;
  turn: number;
}

/** The stack whose pictures have these directions of rows and columns, or come nearest to that; of several, the straightest. */
export function lookOf(row: Vector, column: Vector): Look {
  const looks = (Object.keys(LOOKS) as Orientation[]).map((orientation): Look => ({ orientation, ...anglesFor(orientation, cross(row, column), FINE) }));
  const likeness = ({ orientation, tilt, turn }: Look) => {
    const found = directionsOf(orientation, tilt, turn);
    return dot(found.row, row) + dot(found.column, column);
  };
  const most = Math.max(...looks.map(likeness));
  // A sagittal plane is a coronal one turned by a quarter, too.
  return best(looks.filter((look) => likeness(look) > most - 1e-6), ({ tilt, turn }) => -Math.abs(tilt) - Math.abs(turn));
}

/** The stack at right angles to `normal` that is turned the least. */
export function lookAlong(normal: Vector): Look {
  const orientation = nearestLook(normal);
  return { orientation, ...anglesFor(orientation, normal, FINE) };
}

/** The orientation whose planes come nearest to standing at right angles to `normal`. */
function nearestLook(normal: Vector): Orientation {
  return best(Object.keys(LOOKS) as Orientation[], (orientation) => Math.abs(dot(LOOKS[orientation].next, normal)));
}

function best<Item>(items: Item[], worth: (item: Item) => number): Item {
  return items.reduce((found, item) => (worth(item) > worth(found) + 1e-6 ? item : found));
}

/** Tilt and turn (degrees, -90 to 90) with which the planes of an orientation stand at right angles to `normal`. */
export function anglesFor(orientation: Orientation, normal: Vector, parts = 1): { tilt: number; turn: number } {
  const { row, column, next } = LOOKS[orientation];
  const sign = Math.sign(dot(normal, next)) || 1;
  const wanted: Vector = [normal[0] * sign, normal[1] * sign, normal[2] * sign];
  // The direction after both is cos(turn) (cos(tilt) next + sin(tilt) row x next) + sin(turn) column x next.
  const aside = Math.sign(dot(cross(column, next), row));
  const turn = Math.asin(Math.min(1, Math.max(-1, aside * dot(wanted, row))));
  const tilt = Math.atan2(dot(wanted, cross(row, next)), dot(wanted, next));
  const rounded = (angle: number) => Math.round(angle * DEGREES * parts) / parts || 0;
  return { tilt: rounded(tilt), turn: rounded(turn) };
}

/** By how many degrees `from` has to be turned about `axis` (unit length) to point as `to` does; both across the axis. */
export function angleAbout(axis: Vector, from: Vector, to: Vector): number {
  return Math.atan2(dot(cross(from, to), axis), dot(from, to)) * DEGREES;
}
