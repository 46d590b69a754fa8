import { expect, test } from "vitest";
import { Clock, limitedRate, RATE_DEFAULT } from "./clock";

test("the rate holds on a slow screen by leaving images out", () => {
  const clock = new Clock(0, 30);
  let shown = 0;
  for (let now = 0; now <= 1000; now += 50) shown += clock.steps(now);
  expect(shown).toBeGreaterThanOrEqual(29);
  expect(shown).toBeLessThanOrEqual(30);
});

test("a hidden tab and a late image are not made up for", () => {
  const clock = new Clock(0, 10);
  expect(clock.steps(5000)).toBe(1);
  clock.wait(5000);
  expect(clock.steps(5001)).toBe(1);
  expect(clock.steps(5050)).toBe(0);
});

test("rates of the object are taken within reason", () => {
  expect([0, null, NaN, 0.2, 25, 500].map(limitedRate)).toEqual([RATE_DEFAULT, RATE_DEFAULT, RATE_DEFAULT, 1, 25, 60]);
});
