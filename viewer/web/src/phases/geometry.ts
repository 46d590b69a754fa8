/**
 * Several phases of one place in one series (cardiac, perfusion, diffusion, echoes): which images belong together. Pure.
 *
 * The standard has many attributes for it and scanners fill few, so that places decide: where every place has n images,
 * there are n phases. The first attribute with n values that part them names and orders them; else the series' own order,
 * which tells whose an image is only where none is missing before the end: a picture under the wrong phase is worse than none.
 */

import type { Facts } from "../frames";
import { areParallel, dot, normalOf, planeOf, type Plane } from "../sync";

export interface Phase {
  /** Places in the series, in the order in which the patient is gone through. */
  positions: number[];
  /** What is the same in all of this phase and not in all phases; null where nothing is said. */
  said: { name: Distinction; value: number } | null;
}

/** In the order in which they are believed. */
export const DISTINCTIONS = ["temporal_position", "trigger_time", "b_value", "echo_time", "acquisition"] as const;
export type Distinction = (typeof DISTINCTIONS)[number];

const SAME_PLACE_MM = 0.01;
/** One place with many images is a film of one slice, and is scrolled as one. */
const PLACES_LEAST = 3;
/** A scan that was broken off lacks some images of its last phases. */
const WHOLE_LEAST = 0.5;

interface Placed {
  position: number;
  height: number;
  facts: Facts;
}

/** The phases of a series; null where there is one image at a place, or no sense in it. */
export function phasesOf(all: (Facts | undefined)[]): Phase[] | null {
  const placed = all.flatMap((facts, position) => {
    const plane = facts && !facts.problem ? planeOf(facts) : null;
    return plane && facts ? [{ plane, position, facts }] : [];
  });
  const first = placed[0]?.plane;
  if (!first || placed.some(({ plane }) => !isAlike(first, plane))) return null;
  const normal = normalOf(first);
  const stacks = byPlace(placed.map(({ plane, position, facts }) => ({ position, facts, height: dot(plane.origin, normal) })));
  const count = Math.max(...stacks.map((stack) => stack.length));
  const whole = stacks.filter((stack) => stack.length === count).length;
  if (count < 2 || stacks.length < PLACES_LEAST || whole < stacks.length * WHOLE_LEAST) return null;
  const isDown = (placed[0]?.position ?? 0) === stacks.at(-1)?.[0]?.position;
  return parted(isDown ? stacks.reverse() : stacks, count);
}

function isAlike(one: Plane, other: Plane): boolean {
  return areParallel(one, other) && one.rows === other.rows && one.columns === other.columns;
}

/** Images by place, from low to high; at each place in the series' order. */
function byPlace(placed: Placed[]): Placed[][] {
  const sorted = [...placed].sort((one, other) => one.height - other.height || one.position - other.position);
  const stacks: Placed[][] = [];
  for (const one of sorted) {
    const last = stacks.at(-1);
    if (last && one.height - (last[0] as Placed).height <= SAME_PLACE_MM) last.push(one);
    else stacks.push([one]);
  }
  return stacks.map((stack) => stack.sort((one, other) => one.position - other.position));
}

function parted(stacks: Placed[][], count: number): Phase[] | null {
  const parting = DISTINCTIONS.find((name) => parts(stacks, name, count));
  const phases = Array.from({ length: count }, (): Placed[] => []);
  const values = parting ? valuesOf(stacks, parting) : [];
  for (const stack of stacks) {
    stack.forEach((one, i) => phases[parting ? values.indexOf(valueOf(one.facts, parting) as number) : i]?.push(one));
  }
  if (!parting && !endsEarly(stacks, phases, count)) return null;
  return phases.map((phase) => ({ positions: phase.map(({ position }) => position), said: saidOf(phase, phases) }));
}

/** Whether images that are parted by the series' order alone lack some at the end of that order only, or none. */
function endsEarly(stacks: Placed[][], phases: Placed[][], count: number): boolean {
  if (stacks.every((stack) => stack.length === count)) return true;
  const inTurn = (groups: Placed[][]) => groups.every((group, i) => !i || lastOf(groups[i - 1] as Placed[]) < firstOf(group));
  if (inTurn(phases)) return true;
  const places = [...stacks].sort((one, other) => firstOf(one) - firstOf(other));
  return inTurn(places) && places.slice(0, -1).every((place) => place.length === count);
}

const firstOf = (images: Placed[]): number => Math.min(...images.map(({ position }) => position));
const lastOf = (images: Placed[]): number => Math.max(...images.map(({ position }) => position));

/** Whether an attribute has one value for each phase, and no place has the same value twice. */
function parts(stacks: Placed[][], name: Distinction, count: number): boolean {
  if (stacks.some((stack) => stack.some(({ facts }) => valueOf(facts, name) === null))) return false;
  if (valuesOf(stacks, name).length !== count) return false;
  return stacks.every((stack) => new Set(stack.map(({ facts }) => valueOf(facts, name))).size === stack.length);
}

function valuesOf(stacks: Placed[][], name: Distinction): number[] {
  return [...new Set(stacks.flat().map(({ facts }) => valueOf(facts, name) as number))].sort((one, other) => one - other);
}

function saidOf(phase: Placed[], phases: Placed[][]): Phase["said"] {
  for (const name of DISTINCTIONS) {
    const of = (images: Placed[]) => new Set(images.map(({ facts }) => valueOf(facts, name)));
    const [value, ...others] = of(phase);
    if (others.length || value === null || value === undefined) continue;
    if (of(phases.flat()).size > 1) return { name, value };
  }
  return null;
}

function valueOf(facts: Facts, name: Distinction): number | null {
  const stated = name === "acquisition" ? Number(facts.acquisition || NaN) : facts.technique?.[name];
  return stated === undefined || !Number.isFinite(stated) ? null : stated;
}
