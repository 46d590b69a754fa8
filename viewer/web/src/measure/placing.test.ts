import { afterEach, describe, expect, it, vi } from "vitest";
import type { Cell } from "../cell";
import { SeriesFrames, type Facts } from "../frames";
import type { Point } from "../placement";
import type { Room } from "../room";
import { dot, planeOf, type Plane, type Vector } from "../sync";
import { Reformat, volumeOf, type Slab } from "../volume";
import type { Measurement, Sent } from "./model";
import { received, toSend } from "./model";
import { groundOf, placedIn, pointsIn, sees } from "./placing";
import { areSamePlane, normalThrough, within } from "./space";
import { Measurements } from "./store.svelte";

const SIDE = 20;
const FRAME = "1.2.3";

/** Twelve slices, each 3 mm above the one before, of pixels of 1 mm that are worth their row; one brighter slice. */
function series(frame = FRAME, slices = 12): SeriesFrames {
  const made = new SeriesFrames("1.2", slices);
  const spacing = { row_mm: 1, column_mm: 1, status: "patient", calibration: "" };
  const rescale = { slope: 1, intercept: 0, unit: "[hnsf'U]" };
  const facts = Array.from({ length: slices }, (_, i) => ({ sop: `1.2.${i}`, frame_number: 1, frame_of_reference: frame, orientation: [1, 0, 0, 0, 1, 0], position: [-30, 5, 3 * i], rows: SIDE, columns: SIDE, spacing, aspect: 1, slice_thickness: 3, is_colour: false, modality: "CT", transport: "int16", bits_stored: 16, regions: [], rescale }) as unknown as Facts);
  made.addFacts(0, facts);
  made.factsComplete = true;
  facts.forEach((_, position) => made.take({ position, code: 1, payload: Int16Array.from({ length: SIDE * SIDE }, (_, i) => Math.floor(i / SIDE)).buffer }));
  return made;
}

function planes(source: SeriesFrames, orientation: "axial" | "coronal" | "sagittal", tilt = 0, turn = 0): Reformat {
  const volume = volumeOf(source.facts);
  if (typeof volume === "string") throw new Error(volume);
  return new Reformat(source, volume, orientation, tilt, turn);
}

const at = (made: SeriesFrames, position: number) => made.facts[position] as Facts;
const drawn = (made: SeriesFrames, position: number, points: Point[], kind: Measurement["kind"] = "length"): Measurement => ({
  uid: "2.25.1",
  study: "1",
  kind,
  name: "",
  values: [],
  ...placedIn({ instance: at(made, position).sop || "~", frame: 1 }, points, at(made, position), made),
});
const POINTS = [{ x: 3, y: 4 }, { x: 12.5, y: 9 }];

describe("where measurements lie", () => {
  it("on a made plane in the patient, with the nearest image, and back on the same plane, whatever its angles", () => {
    const source = series();
    for (const [tilt, turn] of [[0, 0], [20, 0], [-35, 15]] as const) {
      const made = planes(source, "coronal", tilt, turn);
      const one = drawn(made, 7, POINTS);
      expect(one.image).toBeNull();
      expect(one.plane?.source.instance).toMatch(/^1\.2\.\d+$/);
      expect(one.space.every((place) => Math.abs(awayFrom(planeOf(at(made, 7)), place)) < 1e-9)).toBe(true);
      expect(pointsIn(one, at(made, 7), made)).toEqual(POINTS.map(({ x, y }) => ({ x: expect.closeTo(x, 9), y: expect.closeTo(y, 9) })));
      expect(groundOf(one, at(made, 7), made, 7)).not.toBeNull();
      expect(pointsIn(one, at(made, 8), made)).toBeNull();
    }
  });

  it("is the same after a document has kept it in single precision", () => {
    const made = planes(series(), "coronal", 20);
    const one = drawn(made, 7, POINTS);
    const sent = toSend(one);
    const again = received({ ...sent, space: sent.space?.map((place) => place.map(Math.fround) as Vector) } as Sent, "1");
    const ground = groundOf(again, at(made, 7), made, 7);
    ground?.points.forEach((point, i) => {
      expect(point.x).toBeCloseTo((POINTS[i] as Point).x, 4);
      expect(point.y).toBeCloseTo((POINTS[i] as Point).y, 4);
    });
    expect(ground).not.toBeNull();
  });

  it("on the stored image where a thin plane lies in that, and is seen there and on the plane", () => {
    const source = series();
    // Slices of 3 mm, planes of 1 mm: every third plane lies in a slice.
    const made = planes(source, "axial");
    const position = made.facts.findIndex((facts) => areSamePlane(planeOf(facts) as Plane, planeOf(at(source, 5)) as Plane));
    expect(position).toBeGreaterThan(0);
    const one = drawn(made, position, POINTS);
    expect([one.image, one.space, one.plane]).toEqual([{ instance: "1.2.5", frame: 1 }, [], null]);
    expect(one.points.map(({ x }) => x)).toEqual([expect.closeTo(3), expect.closeTo(12.5)]);
    expect(pointsIn(one, at(made, position), made)).not.toBeNull();
    expect(groundOf(one, at(made, position), made, position)).toMatchObject({ series: source, position: 5 });
    expect(groundOf(one, at(made, position + 1), made, position + 1)).toBeNull();
    expect(pointsIn(one, at(made, position + 1), made)).toBeNull();
    made.slab = { mm: 9, projection: "mean" };
    expect(drawn(made, position, POINTS).image).toBeNull();
  });

  it("on other planes that pass through it: half a slice on either side", () => {
    const source = series();
    const coronal = planes(source, "coronal");
    // A line along the rows lies in an axial plane too.
    const one = drawn(coronal, 7, [{ x: 3, y: 10 }, { x: 12, y: 10 }]);
    const z = one.space[0]?.[2] ?? NaN;
    const shows = (made: SeriesFrames) => made.facts.flatMap((facts, i) => (pointsIn(one, facts as Facts, made) ? [i] : []));
    const axial = planes(source, "axial");
    expect(shows(axial).every((i) => Math.abs((at(axial, i).position[2] as number) - z) <= 0.53)).toBe(true);
    expect(shows(axial).length).toBeGreaterThan(0);
    expect(shows(source).every((i) => Math.abs(3 * i - z) <= 1.53)).toBe(true);
    expect(shows(source).length).toBeGreaterThan(0);
    expect(shows(planes(source, "sagittal"))).toEqual([]);
    expect(pointsIn({ ...one, frame: "1.2.4" }, at(coronal, 7), coronal)).toBeNull();
  });

  it("nowhere but on this screen where images have no frame of reference", () => {
    const made = planes(series(""), "coronal");
    const one = drawn(made, 7, POINTS);
    expect([one.image?.instance, one.space, one.plane]).toEqual(["~", [], null]);
  });

  it("shows grey values only over the pixels that they speak of", () => {
    const source = series();
    const made = planes(source, "coronal");
    const one = drawn(made, 7, POINTS, "rectangle");
    const kept = { ...one, values: [{ name: "mean", value: 1, unit: "1" }] };
    expect([sees(kept, at(made, 7), made), sees(kept, at(source, 3), source)]).toEqual([true, true]);
    const other = new SeriesFrames("1.3", 12);
    other.addFacts(0, source.facts.map((facts, i) => ({ ...(facts as Facts), sop: `1.3.${i}` })));
    expect(sees(kept, at(made, 7), planes(other, "coronal"))).toBe(false);
    made.slab = { mm: 9, projection: "maximum" } satisfies Slab;
    expect([sees(kept, at(made, 7), made), sees(one, at(made, 7), made)]).toEqual([false, true]);
  });

  it("guesses the plane of points that say none", () => {
    expect(normalThrough([[0, 0, 0], [5, 0, 0], [0, 0, 4]]).map(Math.abs)).toEqual([0, 1, 0]);
    expect(normalThrough([[1, 2, 3], [9, 2, 3]])).toEqual([0, 0, 1]);
    expect(normalThrough([[1, 2, 3], [1, 2, 9]])).toEqual([0, 1, 0]);
    expect(normalThrough([[1, 2, 3]])).toEqual([0, 0, 1]);
    const along: Vector = [3, 4, 5];
    expect(dot(normalThrough([[0, 0, 0], along]), along)).toBeCloseTo(0);
  });

  it("half a slice is that of the stack", () => {
    expect(within({ slice_thickness: 5, spacing_between_slices: 2 }, false)).toBeCloseTo(1, 1);
    expect(within({ slice_thickness: 5, spacing_between_slices: null }, false)).toBeCloseTo(2.5, 1);
    expect(within({ slice_thickness: 10, spacing_between_slices: 1 }, true)).toBeCloseTo(5, 1);
  });
});

function awayFrom(plane: Plane | null, place: Vector): number {
  if (!plane) return NaN;
  const normal: Vector = [
    plane.row[1] * plane.column[2] - plane.row[2] * plane.column[1],
    plane.row[2] * plane.column[0] - plane.row[0] * plane.column[2],
    plane.row[0] * plane.column[1] - plane.row[1] * plane.column[0],
  ];
  return dot([place[0] - plane.origin[0], place[1] - plane.origin[1], place[2] - plane.origin[2]], normal);
}

describe("saving what was measured on a made plane", () => {
  let sent: Sent[] = [];
  const fetching = async (_address: string, init?: RequestInit): Promise<Response> => {
    if (init?.method !== "POST") return Response.json({ documents: [], may_save: true });
    sent = (JSON.parse(String(init.body)) as { measurements: Sent[] }).measurements;
    return Response.json({ documents: [{ instance: "9", author: "r", is_mine: true, made_at: "", left_out: 0, measurements: sent }], may_save: true });
  };
  const begun = () => {
    vi.stubGlobal("fetch", fetching);
    return new Measurements({ page: { study: "1", token: "t", reader: "r" }, library: { calm: async () => undefined }, studyOf: () => "1" } as unknown as Room);
  };
  afterEach(() => void vi.unstubAllGlobals());

  const square = (low: number, high: number) => [{ x: low, y: low }, { x: high, y: low }, { x: high, y: high }, { x: low, y: high }];
  const cellOf = (made: Reformat, position: number) => ({ facts: at(made, position), series: made, position }) as unknown as Cell;

  it("sends places, plane and grey values, of the slab that is shown in the end", async () => {
    const store = begun();
    const made = planes(series(), "coronal");
    store.add("rectangle", cellOf(made, 7), square(4, 9));
    made.slab = { mm: 4, projection: "maximum" };
    await store.save("saved");
    const [one] = sent as [Sent];
    expect(one.image).toBeNull();
    expect(one.plane).toMatchObject({ row: [1, 0, 0], column: [0, 0, -1], slab_mm: 4, projection: "maximum" });
    expect(one.frame_of_reference).toBe(FRAME);
    // Pixels are worth their row, which is where the plane stands; the slab reaches 2 mm farther.
    const mean = one.values?.find(({ name }) => name === "mean");
    expect(mean).toEqual({ name: "mean", value: expect.closeTo(9), unit: "[hnsf'U]" });
    expect(one.values?.map(({ name }) => name)).toEqual(["mean", "deviation", "minimum", "maximum"]);
    expect([store.isDirty, store.hasUnsaved]).toEqual([false, false]);
  });

  const payload = () => Int16Array.from({ length: SIDE * SIDE }, () => 5).buffer;
  const means = () => sent.map((one) => one.values?.find(({ name }) => name === "mean")?.value);

  it("waits for no images: grey values that need them are saved as soon as they are here", async () => {
    const store = begun();
    const source = series();
    const made = planes(source, "coronal");
    store.add("rectangle", cellOf(made, 7), square(4, 9));
    source.forget(9);
    await store.save("saved");
    expect([sent.length, means()]).toEqual([1, [undefined]]);
    expect([store.notice?.isBad, store.notice?.words === "saved", store.isDirty]).toEqual([false, false, true]);
    source.take({ position: 9, code: 1, payload: payload() });
    // Far above the region nothing is missed.
    source.forget(0);
    await store.save("saved");
    expect(means()).toEqual([expect.any(Number)]);
    expect([store.notice, store.isDirty]).toEqual([{ words: "saved", isBad: false }, false]);
  });

  it("keeps the grey values that were found before memory gave the slices back", async () => {
    const store = begun();
    const source = series();
    const made = planes(source, "coronal");
    store.add("rectangle", cellOf(made, 7), square(4, 9));
    const found = store.valuesOf(store.mine[0] as Measurement, cellOf(made, 7));
    source.forget(9);
    await store.save("saved");
    expect(means()).toEqual([found.find(({ name }) => name === "mean")?.value]);
    expect([store.notice?.words, store.isDirty]).toEqual(["saved", false]);
  });

  it("keeps values as they were kept, and changes a shape only on its own plane", async () => {
    const store = begun();
    const made = planes(series(), "coronal");
    store.add("length", cellOf(made, 7), POINTS);
    const [one] = store.mine as [Measurement];
    const kept = { ...one, values: [{ name: "length", value: 41, unit: "mm" }] };
    expect(store.valuesOf(kept, cellOf(made, 7))).toEqual(kept.values);
    expect(store.on(cellOf(made, 7)).map(({ isMine, isHere }) => [isMine, isHere])).toEqual([[true, true]]);
    expect(store.on(cellOf(made, 9))).toEqual([]);
    store.reshape(one.uid, [{ x: 1, y: 1 }, { x: 4, y: 5 }], cellOf(made, 7));
    expect(store.valuesOf(store.mine[0] as Measurement, cellOf(made, 7))[0]?.value).toBeCloseTo(5);
  });
});
