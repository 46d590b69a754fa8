import { expect, test } from "vitest";
import { samplesOf } from "./samples";

test("samples of the same size are copied, so that the decoder may use its memory again", () => {
  const decoded = new Uint8Array([1, 2, 3, 4]);
  const copy = new Uint8Array(samplesOf(decoded, 2, 2));
  decoded.fill(0);
  expect([...copy]).toEqual([1, 2, 3, 4]);
});

test("eight bits in a sixteen-bit image become sixteen", () => {
  expect([...new Uint16Array(samplesOf(new Uint8Array([5, 255]), 1, 2))]).toEqual([5, 255]);
});

test("more bits than stated are an error", () => {
  expect(() => samplesOf(new Uint8Array(2), 2, 1)).toThrow("more bits");
});
