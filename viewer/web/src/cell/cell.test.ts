import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SeriesFrames, type Facts } from "../frames";
import type { Screen } from "../painter";
import { Cell } from "./cell.svelte";

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (act: () => void) => (act(), 1));
  vi.stubGlobal("window", { setTimeout });
});
afterEach(() => void vi.unstubAllGlobals());

function screen() {
  const told: Pick<Screen, "drawn" | "failed"> = { drawn: () => undefined, failed: () => undefined };
  return { clear: vi.fn(), show: vi.fn(), setLook: vi.fn(), setPlacement: vi.fn(), resized: vi.fn(), destroy: vi.fn(), ...told };
}

function series(uid: string): SeriesFrames {
  const made = new SeriesFrames(uid, 2);
  const facts = { rows: 1, columns: 1, aspect: 1, bits_stored: 8, transport: "uint8", rescale: { slope: 1, intercept: 0, unit: "" }, windows: [], voi_tables: [], default_window: null, padding: null } as unknown as Facts;
  made.addFacts(0, [facts, facts]);
  made.take({ position: 0, code: 1, payload: new ArrayBuffer(1) });
  return made;
}

test("another series takes the picture before away at once, so that it never stands under the new name", () => {
  const cell = new Cell(0);
  const fake = screen();
  cell.attach(fake as unknown as Screen);
  cell.open(series("1.1"), 0);
  fake.drawn(0);
  expect(cell.shown).toBe(0);
  fake.clear.mockClear();
  cell.open(new SeriesFrames("1.2", 2), 0);
  expect(fake.clear).toHaveBeenCalledOnce();
  expect(cell.shown).toBe(-1);
});

test("a closed cell plays no more", () => {
  const cell = new Cell(0);
  cell.open(series("1.1"), 0);
  cell.playing = true;
  cell.close();
  expect(cell.playing).toBe(false);
});

test("what this device cannot paint is said of that image only", () => {
  const cell = new Cell(0);
  const fake = screen();
  cell.attach(fake as unknown as Screen);
  cell.open(series("1.1"), 0);
  fake.failed(0, "too large");
  expect(cell.problem).toBe("too large");
  cell.go(1);
  expect(cell.problem).toBeUndefined();
});
