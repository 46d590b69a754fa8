// @ts-check
/** The frames of one series: which instance is at which position, and its facts, fetched in pieces as they are needed. */

import { fetchJson } from "../series_cards.js";

/**
 * @typedef {object} FrameFacts as `viewer.rendering.facts` gives them
 * @property {number} rows
 * @property {number} columns
 * @property {number} number_of_frames
 * @property {string} modality
 * @property {boolean} is_colour
 * @property {number} bits_stored
 * @property {{ center: number, width: number, function: string, explanation: string }[]} windows
 * @property {{ slope: number, intercept: number, unit: string }} rescale
 * @property {{ row_mm: number | null, column_mm: number | null, status: string }} spacing
 * @property {number} aspect
 * @property {import("./geometry.js").Letters} letters
 * @property {number | null} slice_thickness
 * @property {number | null} slice_location
 * @property {number | null} instance_number
 * @property {{ frames_per_second: number | null, frame_time_vector: number[] }} cine
 * @property {boolean} lossy
 * @typedef {{ instance: string, frame: number, facts?: FrameFacts, problem?: string }} FrameEntry
 */

const PIECE = 32;

export class Stack {
  /**
   * @param {string} study
   * @param {import("../series_cards.js").SeriesFacts} series
   */
  constructor(study, series) {
    this.study = study;
    this.series = series;
    this.total = series.frames;
    /** @type {Map<number, FrameEntry>} */
    this.entries = new Map();
    /** @type {Map<number, Promise<void>>} */
    this.fetching = new Map();
  }

  /**
   * Return the frame at a position (from 0), fetching the piece it is in when it is not known yet.
   * @param {number} position
   * @returns {Promise<FrameEntry>}
   */
  async entry(position) {
    if (!this.entries.has(position)) await this.fetchPiece(Math.floor(position / PIECE));
    const found = this.entries.get(position);
    if (!found) throw new Error(`no image ${position + 1}`);
    return found;
  }

  /**
   * Fetch the piece around a position ahead of time; what fails is asked for again when it is needed.
   * @param {number} position
   */
  prefetch(position) {
    if (position < 0 || position >= this.total || this.entries.has(position)) return;
    this.fetchPiece(Math.floor(position / PIECE)).catch(() => undefined);
  }

  /**
   * @param {number} piece
   * @returns {Promise<void>}
   */
  fetchPiece(piece) {
    const running = this.fetching.get(piece);
    if (running) return running;
    const address = `/study/${this.study}/series/${this.series.uid}/frames?offset=${piece * PIECE}&limit=${PIECE}`;
    const fetching = fetchJson(address)
      .then((told) => {
        told.frames.forEach((/** @type {FrameEntry} */ frame, /** @type {number} */ i) => {
          this.entries.set(told.offset + i, frame);
        });
      })
      .finally(() => this.fetching.delete(piece));
    this.fetching.set(piece, fetching);
    return fetching;
  }

  /**
   * Return the address of a rendered frame.
   * @param {FrameEntry} entry
   * @param {URLSearchParams} query
   */
  imageAddress(entry, query) {
    return `/study/${this.study}/instances/${entry.instance}/frames/${entry.frame}/image?${query}`;
  }

  /**
   * @param {FrameEntry} entry
   * @param {number} row
   * @param {number} column
   */
  valueAddress(entry, row, column) {
    return `/study/${this.study}/instances/${entry.instance}/frames/${entry.frame}/value?row=${row}&column=${column}`;
  }
}
