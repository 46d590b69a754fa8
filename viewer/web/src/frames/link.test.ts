import { expect, test } from "vitest";
import { linkRate, type Loaded } from "./link";

const KB = 1000;
const loaded = (bytes: number, ms: number, own: Partial<Loaded> = {}): Loaded => ({ encodedBodySize: bytes, transferSize: bytes + 300, responseStart: 50, responseEnd: 50 + ms, ...own });

test("the quickest piece tells the rate, from its first byte on", () => {
  expect(linkRate([loaded(40 * KB, 100), loaded(200 * KB, 80), loaded(100 * KB, 90)])).toBe(2.5e6);
});

test("small pieces tell nothing", () => {
  expect(linkRate([loaded(10 * KB, 500)])).toBeNull();
  expect(linkRate([])).toBeNull();
});

test("what the browser had, or only asked about, tells nothing", () => {
  expect(linkRate([loaded(200 * KB, 1, { transferSize: 0 }), loaded(200 * KB, 40, { transferSize: 300 })])).toBeNull();
});

test("what came within no time says that the network is fast", () => {
  expect(linkRate([loaded(200 * KB, 0), loaded(40 * KB, 100)])).toBe(Infinity);
});
