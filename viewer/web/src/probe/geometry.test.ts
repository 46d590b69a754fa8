import { expect, test } from "vitest";
import type { Facts, Picture } from "../frames";
import { readingAt } from "./geometry";

const facts = { rows: 1, columns: 2, rescale: { slope: 1, intercept: 0, unit: "um2/s" }, real_world: null, suv_factor: null } as unknown as Facts;

test("a pixel without a number reads as none, and not as 0", () => {
  const picture: Picture = { facts, isColour: false, values: Float32Array.of(0, NaN) };
  expect(readingAt(picture, 0.5, 0.5)?.text).toBe("0 um2/s");
  expect(readingAt(picture, 1.5, 0.5)?.text).toBe("-");
  expect(readingAt({ ...picture, facts: { ...facts, suv_factor: 2 } }, 1.5, 0.5)?.text).toBe("-");
});
