import { expect, test } from "vitest";
import { fieldNumber, typedNumber } from "./windows";

test("a field shows a number whole, and no more digits than people read", () => {
  expect([400, -600, 1024501, 459001.7].map(fieldNumber)).toEqual(["400", "-600", "1024501", "459002"]);
  expect([115.5, 2508.5662, 0.5, 0.00213371, -139.53].map(fieldNumber)).toEqual(["115.5", "2509", "0.5", "0.002134", "-139.5"]);
});

test("thousands that were set apart are no decimals", () => {
  expect(["1.500", "-1.024", "350,5", "350.5", "0.500", "1500", "1.500.000"].map((text) => typedNumber(text, "vi"))).toEqual([1500, -1024, 350.5, 350.5, 0.5, 1500, 1500000]);
  expect(["1,500", "1.500", "350,5", "0,500", "\u2212600", "1,500,000"].map((text) => typedNumber(text, "en"))).toEqual([1500, 1.5, 350.5, 0.5, -600, 1500000]);
  expect(["abc", "1,5,0", "1.500,5"].map((text) => typedNumber(text, "vi"))).toEqual([NaN, NaN, NaN]);
});
