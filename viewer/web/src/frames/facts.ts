/** Facts of a frame as the server tells them; lengths in mm, null or empty where unknown. */

import type { Letters } from "../placement";
import type { Window } from "../windowing";

export type SpacingStatus = "patient" | "calibrated" | "detector" | "film" | "region" | "unknown";

export interface Region {
  left: number;
  top: number;
  right: number;
  bottom: number;
  row_mm: number;
  column_mm: number;
}

export interface Shutter {
  rectangle?: { left: number; right: number; top: number; bottom: number };
  circle?: { row: number; column: number; radius: number };
  polygon?: [number, number][];
  grey: number;
}

export interface Facts {
  sop: string;
  /** Stands for the bytes of the object. */
  content?: string;
  sop_class: string;
  frame_number: number;
  number_of_frames: number;
  instance_number: number | null;
  rows: number;
  columns: number;
  modality: string;
  photometric_interpretation: string;
  is_colour: boolean;
  is_inverse: boolean;
  bits_stored: number;
  windows: Window[];
  default_window: Window | null;
  rescale: { slope: number; intercept: number; unit: string };
  spacing: { row_mm: number | null; column_mm: number | null; status: SpacingStatus; calibration: string };
  regions: Region[];
  aspect: number;
  orientation: number[];
  position: number[];
  letters: Letters;
  slice_thickness: number | null;
  slice_location: number | null;
  spacing_between_slices: number | null;
  cine: { frame_time: number | null; frame_time_vector: number[]; frames_per_second: number | null };
  lossy: boolean;
  frame_of_reference: string;
  acquisition: string;
  /** The sample type in which stored bytes can be used as they are; null where the server has to make them ready. */
  transport: "uint8" | "int8" | "uint16" | "int16" | null;
  padding: [number, number] | null;
  overlay: boolean;
  shutter: Shutter | null;
  voi_tables: { first: number; bits: number; entries: string; explanation: string }[];
  suv_factor: number | null;
  /** What modality values measure: value * slope + intercept, in a UCUM unit (PS3.3 C.7.6.16.2.11). */
  real_world: { slope: number; intercept: number; unit: string; name: string } | null;
  technique: Record<string, number>;
  words: Record<string, string>;
  /** Why this frame has no other facts. */
  problem?: string;
}

export interface CompactFacts {
  total: number;
  offset: number;
  shared: Partial<Facts>;
  each: Partial<Facts>[];
}

/** The facts of each frame of an answer, whole again. */
export function expanded(answer: CompactFacts): Facts[] {
  return answer.each.map((own) => ({ ...answer.shared, ...own }) as Facts);
}
