import { expect, test } from "vitest";
import { addressOf, lightAddress, parseAddress } from "./address";

test("what an address names is what it was made from", () => {
  const named = { rows: 1, columns: 2, cells: [{ series: "1.2.3", image: 7 }, null] };
  expect(addressOf(named)).toBe("series=1.2.3&image=7&layout=1x2&cells=1.2.3:7,");
  expect(parseAddress(`?${addressOf(named)}`)).toEqual(named);
});

test("planes and slabs are named after the image that lies nearest", () => {
  const plane = { name: "coronal", place: 200, mm: 0, projection: "maximum" } as const;
  const slab = { name: "axial~30~-12.5", place: 7, mm: 10, projection: "mean" } as const;
  const named = { rows: 1, columns: 2, cells: [{ series: "1.2.3", image: 7, plane }, { series: "1.2.4", image: 1, plane: slab }] };
  expect(addressOf(named)).toBe("series=1.2.3&image=7&layout=1x2&cells=1.2.3:7~coronal:200,1.2.4:1~axial~30~-12.5:7:mean:10");
  expect(parseAddress(`?${addressOf(named)}`)).toEqual(named);
  expect(addressOf({ rows: 1, columns: 1, cells: [{ series: "1.2", image: 3, plane }] })).toBe("series=1.2&image=3&layout=1x1&cells=1.2:3~coronal:200");
  expect(parseAddress("?layout=1x1&cells=1.2:3~upright:7")?.cells).toEqual([{ series: "1.2", image: 3 }]);
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
