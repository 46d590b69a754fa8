import { expect, test } from "vitest";
import { fieldNumber } from "./windows";

test("a field shows a number whole, and no more digits than people read", () => {
  expect([400, -600, 1024501, 459001.7].map(fieldNumber)).toEqual(["400", "-600", "1024501", "459002"]);
  expect([115.5, 2508.5662, 0.5, 0.00213371, -139.53].map(fieldNumber)).toEqual(["115.5", "2509", "0.5", "0.002134", "-139.5"]);
});
