/** Measurements as they are kept: the same JSON as `viewer/evidence/model.py`, which says what each part means. */

import type { Point } from "../placement";

export const KINDS = ["length", "angle", "cobb", "bidirectional", "ellipse", "rectangle", "freehand", "ratio", "arrow", "text"] as const;
/** What can be drawn here. */
export type Kind = (typeof KINDS)[number];

export interface ImageRef {
  instance: string;
  /** From 1. */
  frame: number;
}

export interface Value {
  name: string;
  value: number;
  /** UCUM. */
  unit: string;
}

export interface Measurement {
  uid: string;
  /** The study of its image, with which it is kept. */
  study: string;
  kind: Kind | "other";
  image: ImageRef | null;
  /** Column and row from the outer corner of the first pixel. */
  points: Point[];
  name: string;
  /** As the document says, for those that came from one. */
  values: Value[];
}

export interface Sent {
  uid: string;
  kind: Kind | "other";
  image: ImageRef | null;
  points: [number, number][];
  name: string;
  values?: Value[];
}

export interface Told {
  instance: string;
  author: string;
  is_mine: boolean;
  made_at: string;
  measurements: Sent[];
  left_out: number;
}

export interface Answer {
  documents: Told[];
  may_save: boolean;
}

export function received(sent: Sent, study: string): Measurement {
  const points = sent.points.map(([x, y]) => ({ x, y }));
  return { uid: sent.uid, study, kind: sent.kind, image: sent.image, points, name: sent.name, values: sent.values ?? [] };
}

/** What goes to the server, which measures for itself: no values. */
export function toSend(one: Measurement): Sent {
  const points = one.points.map(({ x, y }): [number, number] => [Number(x.toFixed(4)), Number(y.toFixed(4))]);
  return { uid: one.uid, kind: one.kind, image: one.image, points, name: one.name };
}

/** A new UID under 2.25 from 128 random bits (PS3.5 B.2). */
export function newUid(random: Uint32Array = crypto.getRandomValues(new Uint32Array(4))): string {
  return `2.25.${[...random].reduce((sum, word) => (sum << 32n) + BigInt(word), 0n)}`;
}

export function sameImage(one: ImageRef | null, other: ImageRef | null): boolean {
  return one !== null && other !== null && one.instance === other.instance && one.frame === other.frame;
}
