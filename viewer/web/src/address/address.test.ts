import { expect, test } from "vitest";
import { addressOf, lightAddress, parseAddress } from "./address";

test("what an address names is what it was made from", () => {
  const named = { rows: 1, columns: 2, cells: [{ series: "1.2.3", image: 7 }, null] };
  expect(addressOf(named)).toBe("series=1.2.3&image=7&layout=1x2&cells=1.2.3:7,");
  expect(parseAddress(`?${addressOf(named)}`)).toEqual(named);
});

test("one cell needs no layout, and nonsense is no layout", () => {
  expect(addressOf({ rows: 1, columns: 1, cells: [{ series: "1.2", image: 1 }] })).toBe("series=1.2&image=1");
  expect(parseAddress("?layout=9x9&cells=x")).toBeNull();
  expect(parseAddress("?layout=2x2&cells=1.2:x,<script>")).toEqual({ rows: 2, columns: 2, cells: [null, null] });
});

test("the light view is opened at the image that was looked at", () => {
  expect(lightAddress("1.2", "?series=1.2.3&image=7&layout=1x2&cells=1.2.3:7,")).toBe("/study/1.2/light?series=1.2.3&image=7");
  expect(lightAddress("1.2", "")).toBe("/study/1.2/light?");
});
