/** Measurements as they are kept: the same JSON as `viewer/evidence/model.py`, which says what each part means. */

import type { Point } from "../placement";
import type { Vector } from "../sync";
import type { Projection } from "../volume";

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

/** A plane through a series, as it was looked at. */
export interface MadePlane {
  /** The stored image that lies nearest. */
  source: ImageRef;
  /** Directions of a row and of a column in the patient, unit length. */
  row: Vector;
  column: Vector;
  /** 0 for a thin plane. */
  slab_mm: number;
  projection: Projection;
}

export interface Measurement {
  uid: string;
  /** The study of its image, with which it is kept. */
  study: string;
  kind: Kind | "other";
  image: ImageRef | null;
  /** Column and row from the outer corner of the first pixel of `image`; none for what lies in space. */
  points: Point[];
  /** Places of the patient in mm, in `frame`, where it is on no stored image; `plane` is what it was drawn on. */
  space: Vector[];
  frame: string;
  plane: MadePlane | null;
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
  space?: Vector[];
  frame_of_reference?: string;
  plane?: MadePlane | null;
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
  const place = { space: sent.space ?? [], frame: sent.frame_of_reference ?? "", plane: sent.plane ?? null };
  return { uid: sent.uid, study, kind: sent.kind, image: sent.image, points, ...place, name: sent.name, values: sent.values ?? [] };
}

const GREY: readonly string[] = ["mean", "deviation", "minimum", "maximum"];

/** Whether a value is one of the pixels inside, and not of the points. */
export function isGrey({ name }: Value): boolean {
  return GREY.includes(name) || name.startsWith("suv_");
}

/** What goes to the server, which measures for itself: no values but those of pixels that it does not have. */
export function toSend(one: Measurement): Sent {
  const points = one.points.map(({ x, y }): [number, number] => [Number(x.toFixed(4)), Number(y.toFixed(4))]);
  const sent: Sent = { uid: one.uid, kind: one.kind, image: one.image, points, name: one.name };
  if (!one.plane) return sent;
  return { ...sent, space: one.space, frame_of_reference: one.frame, plane: one.plane, values: one.values.filter(({ name }) => GREY.includes(name)) };
}

/** A new UID under 2.25 from 128 random bits (PS3.5 B.2). */
export function newUid(random: Uint32Array = crypto.getRandomValues(new Uint32Array(4))): string {
  return `2.25.${[...random].reduce((sum, word) => (sum << 32n) + BigInt(word), 0n)}`;
}

export function sameImage(one: ImageRef | null, other: ImageRef | null): boolean {
  return one !== null && other !== null && one.instance === other.instance && one.frame === other.frame;
}
