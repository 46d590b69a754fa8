/** Going from a series with several phases to one of them, and from one to the next. */

import type { Cell } from "../cell";
import type { SeriesFrames } from "../frames";
import type { Room } from "../room";
import { t } from "../words";
import { phasesOf, type Phase } from "./geometry";
import { Part, partUid } from "./part";

const found = new WeakMap<SeriesFrames, Phase[] | null>();

function wholeOf(series: SeriesFrames): SeriesFrames {
  return series instanceof Part ? series.whole : series;
}

/** The phases of a series, or of the one that it is a phase of; null where it has none, and while facts are missing. */
export function phasesIn(series: SeriesFrames): Phase[] | null {
  const whole = wholeOf(series);
  if (!whole.factsComplete || whole.needs !== whole.uid) return null;
  let phases = found.get(whole);
  if (phases === undefined) found.set(whole, (phases = phasesOf(whole.facts)));
  return phases;
}

/** One phase as a series; `number` from 0. */
function partOf(room: Room, series: SeriesFrames, number: number): Part | null {
  const whole = wholeOf(series);
  const phase = phasesIn(whole)?.[number];
  if (!phase) return null;
  const uid = partUid(whole, number);
  if (room.library.has(uid)) return room.library.get(uid) as Part;
  const made = new Part(whole, number, phase.positions);
  room.library.add(made);
  return made;
}

/** The phase that an image of a series belongs to; null where there is but one. */
export function partAt(room: Room, series: SeriesFrames, position: number): Part | null {
  if (series instanceof Part) return series;
  const number = phasesIn(series)?.findIndex(({ positions }) => positions.includes(position)) ?? -1;
  return number >= 0 ? partOf(room, series, number) : null;
}

/** Show a phase (from 0; -1 for all images as they were sent) in a cell, at the place that it shows now. */
export function showPhase(room: Room, cell: Cell, number: number): void {
  const { series, position } = cell;
  if (!series) return;
  const source = series.sourceOf(position);
  if (number < 0) {
    room.exchange(cell, wholeOf(series), source);
    return;
  }
  const part = partOf(room, series, number);
  const place = phasesIn(series)?.find(({ positions }) => positions.includes(source))?.positions.indexOf(source) ?? 0;
  if (part) room.exchange(cell, part, Math.min(place, part.total - 1));
}

/** The next phase (or with -1 the one before) at the same place, round and round. */
export function stepPhase(room: Room, by: number): void {
  const { cell } = room;
  const count = cell.series ? (phasesIn(cell.series)?.length ?? 0) : 0;
  if (!cell.series || !count) return;
  const part = partAt(room, cell.series, cell.position);
  showPhase(room, cell, ((part?.number ?? 0) + by + count) % count);
}

export function phaseName(phase: Phase, number: number): string {
  const value = phase.said ? String(Math.round(phase.said.value * 100) / 100) : "";
  const names = {
    temporal_position: t("Phase {n}", { n: number + 1 }),
    trigger_time: t("Phase {n}: {ms} ms after the trigger", { n: number + 1, ms: value }),
    b_value: t("Phase {n}: b = {value}", { n: number + 1, value }),
    echo_time: t("Phase {n}: TE {ms} ms", { n: number + 1, ms: value }),
    acquisition: t("Phase {n}: acquisition {value}", { n: number + 1, value }),
  };
  return phase.said ? names[phase.said.name] : names.temporal_position;
}
