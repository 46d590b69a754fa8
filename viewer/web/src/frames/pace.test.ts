import { expect, test } from "vitest";
import { CRAWL, FAST, Pace, SLOW } from "./pace";

const second = (pace: Pace, rate: number) => pace.saw(rate, 1000);
const slowly = (pace: Pace) => [1, 2, 3].map(() => second(pace, SLOW / 2)).some(Boolean);
const quickly = (pace: Pace) => [1, 2, 3].map(() => second(pace, FAST * 2)).some(Boolean);

test("a slow network gets packed frames, a fast one raw ones", () => {
  const pace = new Pace();
  expect(quickly(pace)).toBe(false);
  expect(pace.encoding).toBe("raw");
  expect(slowly(pace)).toBe(true);
  expect(pace.encoding).toBe("jpegls");
  expect(quickly(pace)).toBe(true);
  expect(pace.encoding).toBe("raw");
});

test("between the two, nothing changes", () => {
  const pace = new Pace();
  slowly(pace);
  expect(second(pace, (SLOW + FAST) / 2)).toBe(false);
  expect(pace.encoding).toBe("jpegls");
});

test("a few bytes or a moment prove nothing", () => {
  const pace = new Pace();
  expect(pace.saw(1000, 5000)).toBe(false);
  pace.begin();
  expect(pace.saw(100_000, 10)).toBe(false);
  expect(pace.encoding).toBe("raw");
});

test("a stream that was slow for a moment goes on as it was", () => {
  const pace = new Pace();
  second(pace, SLOW / 2);
  second(pace, SLOW / 2);
  second(pace, FAST * 2);
  second(pace, SLOW / 2);
  expect(pace.encoding).toBe("raw");
});

test("small pieces are added up", () => {
  const pace = new Pace();
  const answers = Array.from({ length: 60 }, () => pace.saw(20_000, 10));
  expect(answers.filter(Boolean)).toHaveLength(1);
});

test("a browser that cannot unpack is never asked to again", () => {
  const pace = new Pace();
  slowly(pace);
  pace.forbid();
  expect(slowly(pace)).toBe(false);
  expect(pace.encoding).toBe("raw");
});

test("a page that came slowly makes the first frames packed, until the stream shows better", () => {
  expect(new Pace().encoding).toBe("raw");
  expect(new Pace(CRAWL * 1.1).encoding).toBe("raw");
  const pace = new Pace(CRAWL * 0.9);
  expect(pace.encoding).toBe("jpegls");
  expect(quickly(pace)).toBe(true);
  expect(pace.encoding).toBe("raw");
});

test("what piled up for a moment makes no fast network", () => {
  const pace = new Pace(CRAWL * 0.9);
  second(pace, FAST * 2);
  second(pace, FAST * 2);
  second(pace, SLOW / 2);
  expect(second(pace, FAST * 2)).toBe(false);
  expect(pace.encoding).toBe("jpegls");
});
