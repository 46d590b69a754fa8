import { describe, expect, test } from "vitest";
import { FLOAT32, RAW, RGB8 } from "./codes";
import { Cutter, type Arrival } from "./cut";
import { expanded, type Facts } from "./facts";
import { outward, rangesText } from "./order";
import { SeriesFrames } from "./series";
import { extent, valuesOf } from "./values";

function record(position: number, payload: Uint8Array, code = RAW, kind = 0): Uint8Array {
  const gap = -payload.length & 7;
  const bytes = new Uint8Array(24 + payload.length + gap);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, position, true);
  view.setUint16(12, code, true);
  view.setUint8(15, kind);
  view.setUint32(16, payload.length, true);
  bytes.set(payload, 24);
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const facts = (own: Partial<Facts> = {}): Facts =>
  ({ rows: 2, columns: 2, bits_stored: 16, transport: "uint16", rescale: { slope: 1, intercept: 0, unit: "" }, ...own }) as Facts;
const END = record(0, new Uint8Array(0), 0, 2);

describe("cutting a stream", () => {
  const stream = joined(
    record(3, Uint8Array.from([1, 2, 3])),
    record(4, new TextEncoder().encode("broken"), 0, 1),
    record(5, Uint8Array.from([9, 8, 7, 6, 5, 4, 3, 2])),
    END,
  );

  test.each([1, 2, 7, 23, 24, 25, 64, 1000])("gives the same frames whatever the size of the chunks: %i", (size) => {
    const found: Arrival[] = [];
    const cutter = new Cutter((arrival) => found.push(arrival));
    for (let at = 0; at < stream.length; at += size) cutter.push(stream.subarray(at, at + size));
    expect(found.map((one) => [one.position, one.problem ?? [...new Uint8Array(one.payload)]])).toEqual([
      [3, [1, 2, 3]],
      [4, "broken"],
      [5, [9, 8, 7, 6, 5, 4, 3, 2]],
    ]);
    expect(cutter.isWhole).toBe(true);
  });

  test("is not whole without its end, and says so when it is out of step", () => {
    const cutter = new Cutter(() => undefined);
    cutter.push(record(1, Uint8Array.from([1])));
    expect(cutter.isWhole).toBe(false);
    expect(() => new Cutter(() => undefined).push(new Uint8Array(24).fill(255))).toThrow("out of step");
  });
});

describe("values", () => {
  test("a CT keeps two bytes a pixel, in place", () => {
    const payload = Uint16Array.from([0, 1024, 2048, 4095]).buffer;
    const values = valuesOf(facts({ bits_stored: 12, rescale: { slope: 1, intercept: -1024, unit: "HU" } }), RAW, payload);
    expect(values).toBeInstanceOf(Int16Array);
    expect([...values]).toEqual([-1024, 0, 1024, 3071]);
    expect(values.buffer).toBe(payload);
  });

  test("16 bits stored stay 16 bits where the values fit, and become floats where they do not", () => {
    const rescale = { slope: 1, intercept: -1024, unit: "HU" };
    expect(valuesOf(facts({ rescale }), RAW, Uint16Array.from([0, 1, 2, 3000]).buffer)).toBeInstanceOf(Int16Array);
    const wide = valuesOf(facts({ rescale }), RAW, Uint16Array.from([0, 1, 2, 65535]).buffer);
    expect(wide).toBeInstanceOf(Float32Array);
    expect(wide[3]).toBe(64511);
  });

  test("what stands above Bits Stored is cleared, and the sign extended", () => {
    const unsigned = valuesOf(facts({ bits_stored: 12 }), RAW, Uint16Array.from([0xf001, 0x0fff, 0x1000, 5]).buffer);
    expect([...unsigned]).toEqual([1, 4095, 0, 5]);
    const signed = valuesOf(facts({ bits_stored: 12, transport: "int16" }), RAW, Uint16Array.from([0x0fff, 0x0800, 0x07ff, 0xf001]).buffer);
    expect([...signed]).toEqual([-1, -2048, 2047, 1]);
  });

  test("a fractional slope gives floats; colour and made-ready floats stay as they are", () => {
    const scaled = valuesOf(facts({ rescale: { slope: 0.5, intercept: 1, unit: "" } }), RAW, Uint16Array.from([1, 2, 3, 4]).buffer);
    expect([...scaled]).toEqual([1.5, 2, 2.5, 3]);
    expect(valuesOf(facts(), FLOAT32, Float32Array.from([0.5, 1, 2, 3]).buffer)[0]).toBe(0.5);
    expect(valuesOf(facts(), RGB8, new Uint8Array(12).buffer)).toHaveLength(12);
  });

  test("too few or too many bytes are no picture", () => {
    expect(() => valuesOf(facts(), RAW, new Uint8Array(6).buffer)).toThrow("3 samples instead of 4");
    expect(valuesOf(facts({ rows: 1, columns: 3, transport: "uint8", bits_stored: 8 }), RAW, new Uint8Array(4).buffer)).toHaveLength(3);
  });

  test("the extent leaves padding out", () => {
    expect(extent(Int16Array.from([-2000, -50, 7, 90]), [-2000, -2000])).toEqual([-50, 90]);
    expect(extent(Int16Array.from([5, 5]), [5, 5])).toEqual([0, 1]);
  });
});

describe("the order of asking", () => {
  const all = () => true;
  const flat = (ranges: [number, number][]) => ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

  test("names every frame once, the nearest blocks first", () => {
    for (const [total, from] of [[400, 0], [400, 399], [400, 200], [1, 0], [17, 9]] as const) {
      const positions = flat(outward(total, from, all, 1000));
      expect([...positions].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i));
      expect(positions.indexOf(from)).toBeLessThan(16);
    }
  });

  test("leaves out what is here, and keeps addresses short", () => {
    expect(flat(outward(10, 4, (position) => position !== 5 && position !== 2))).not.toContain(5);
    expect(outward(100_000, 50_000, all).length).toBeLessThanOrEqual(60);
    expect(rangesText([[3, 5], [9, 9]])).toBe("3-5,9");
  });
});

describe("a series", () => {
  const arrival = (position: number, payload = new Uint16Array(4).buffer): Arrival => ({ position, code: RAW, payload });

  test("needs facts and pixels, in whichever order they come", () => {
    const series = new SeriesFrames("1.2", 2);
    series.take(arrival(0));
    expect(series.has(0)).toBe(false);
    series.addFacts(0, [facts(), facts()]);
    expect(series.has(0)).toBe(true);
    expect(series.picture(0)?.values).toHaveLength(4);
    expect(series.loaded).toBe(1);
  });

  test("counts unreadable frames as settled and says why", () => {
    const series = new SeriesFrames("1.2", 2);
    series.take({ position: 0, code: 0, payload: new ArrayBuffer(0), problem: "no such codec" });
    series.take(arrival(1));
    expect([series.settled, series.loaded, series.isComplete, series.problem(0)]).toEqual([2, 1, true, "no such codec"]);
  });

  test("gives memory back, and drops what came as stored although it has to be made ready", () => {
    const series = new SeriesFrames("1.2", 2);
    series.take(arrival(0));
    expect(series.bytes).toBe(8);
    series.addFacts(0, [facts({ transport: null })]);
    expect([series.bytes, series.settled, series.hasPixels(0)]).toEqual([0, 0, false]);
    series.take({ position: 0, code: FLOAT32, payload: new Float32Array(4).buffer });
    expect(series.loaded).toBe(1);
    series.forget(0);
    expect([series.bytes, series.loaded]).toEqual([0, 0]);
  });
});

test("shared and own facts are one again", () => {
  expect(expanded({ total: 2, offset: 0, shared: { rows: 5 }, each: [{ sop: "a" }, { sop: "b", rows: 6 }] })).toEqual([
    { rows: 5, sop: "a" },
    { rows: 6, sop: "b" },
  ]);
});
