import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Facts } from "./facts";
import { Library } from "./library";
import { CRAWL, Pace } from "./pace";
import { SeriesFrames } from "./series";

const SIDE = 2;
const facts = (own: Partial<Facts> = {}): Facts =>
  ({ rows: SIDE, columns: SIDE, bits_stored: 8, transport: "uint8", rescale: { slope: 1, intercept: 0, unit: "" }, ...own }) as Facts;

function record(position: number, code: number, payload: Uint8Array, kind = 0): number[] {
  const head = new DataView(new ArrayBuffer(24));
  head.setUint32(0, position, true);
  head.setUint16(12, code, true);
  head.setUint8(15, kind);
  head.setUint32(16, payload.length, true);
  return [...new Uint8Array(head.buffer), ...payload, ...new Uint8Array(-payload.length & 7)];
}

function positionsOf(address: string): number[] {
  const ranges = new URL(address, "http://x").searchParams.get("frames") ?? "";
  return ranges.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, i) => first + i);
  });
}

/** A server whose frames are those of `all`; returns what was asked of it. */
function serve(all: Facts[], refuse: (address: string) => boolean = () => false): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    await rest(1);
    if (refuse(address)) return new Response(JSON.stringify({ error: "Gone", detail: "withdrawn" }), { status: 404, headers: { "Content-Type": "application/json" } });
    if (address.includes("/facts")) return Response.json({ total: all.length, offset: 0, shared: {}, each: all });
    const isMade = address.includes("/pixels");
    const frames = positionsOf(address).flatMap((position) => record(position, isMade ? 0xf001 : 1, new Uint8Array(SIDE * SIDE * (isMade ? 3 : 1))));
    return new Response(Uint8Array.from([...frames, ...record(0, 0, new Uint8Array(0), 2)]));
  });
  return asked;
}

const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

beforeEach(() => void vi.stubGlobal("window", { setTimeout, addEventListener: () => undefined }));
afterEach(() => void vi.unstubAllGlobals());

describe("a library", () => {
  test("brings colour and grey images of one series, each in its own way, and stops", async () => {
    const all = [facts(), facts({ transport: null, is_colour: true }), facts(), facts({ transport: null, is_colour: true })];
    const asked = serve(all);
    const library = new Library("1", [["1.2", 4]], 1 << 30);
    library.want([{ series: "1.2", position: 1 }]);
    await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true));
    await rest(20);
    expect([0, 1, 2, 3].map((place) => library.get("1.2").picture(place)?.isColour)).toEqual([false, true, false, true]);
    expect(asked.filter((address) => !address.includes("/facts"))).toHaveLength(2);
  });

  test("does not ask without an end for what is refused; says so, and asks anew when told to", async () => {
    let isRefusing = true;
    const asked = serve([facts()], (address) => isRefusing && address.includes("/stream"));
    const library = new Library("1", [["1.2", 1]], 1 << 30);
    const streams = () => asked.filter((address) => address.includes("/stream")).length;
    library.want([{ series: "1.2", position: 0 }]);
    await rest(60);
    expect(streams()).toBe(1);
    expect(library.get("1.2").problem(0)).toBe("Gone withdrawn");
    library.want([{ series: "1.2", position: 0 }]);
    await rest(20);
    expect(streams()).toBe(1);
    isRefusing = false;
    library.again();
    await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true));
    expect(library.get("1.2").problem(0)).toBeUndefined();
  });
});

/** Workers that are never given anything. */
class IdleWorker {
  terminate(): void {}
}

describe("while the first picture is waited for", () => {
  const opened = (pace: Pace, asked: string[]) => {
    const library = new Library("1", [["1.2", 3]], 1 << 30, null, pace);
    library.know("1.2", 1, facts());
    library.hold();
    library.want([{ series: "1.2", position: 1 }]);
    return { library, streams: () => asked.filter((address) => address.includes("/stream")) };
  };

  test("nothing but its frame is asked for", async () => {
    const { library, streams } = opened(new Pace(), serve([facts(), facts(), facts()]));
    await rest(60);
    expect(streams()).toEqual(["/study/1/series/1.2/stream?frames=1"]);
    library.release();
    await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true));
  });

  test("a slow network is not kept waiting: all frames come packed, in one answer that is asked for at once", async () => {
    vi.stubGlobal("Worker", IdleWorker);
    const { library, streams } = opened(new Pace(CRAWL / 2), serve([facts(), facts(), facts()]));
    expect(streams()).toEqual(["/study/1/series/1.2/stream?frames=1-2,0&encoding=jpegls"]);
    await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true));
    expect(streams()).toHaveLength(1);
    library.release();
  });
});

describe("on a slow network", () => {
  const all = Array.from({ length: 24 }, () => facts());
  const opened = (asked: string[]) => {
    vi.stubGlobal("Worker", IdleWorker);
    const library = new Library("1", [["1.2", all.length]], 1 << 30, null, new Pace(CRAWL / 2));
    library.know("1.2", 0, facts());
    library.want([{ series: "1.2", position: 0 }]);
    const streams = () => asked.filter((address) => address.includes("/stream")).map(positionsOf);
    return { library, streams };
  };

  test("several answers bring a series side by side, each frame once", async () => {
    const { library, streams } = opened(serve(all));
    await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true));
    expect(streams().map((positions) => positions[0])).toEqual([0, 4, 8]);
    expect(streams().flat()).toHaveLength(all.length);
  });

  test("one that fails ends the others; what has come is kept, and only the rest is asked for again", async () => {
    let isFailing = true;
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (address: string, { signal }: RequestInit = {}) => {
      asked.push(address);
      if (address.includes("/facts")) return Response.json({ total: all.length, offset: 0, shared: {}, each: all });
      const positions = positionsOf(address);
      const record_ = (position: number) => Uint8Array.from(record(position, 1, new Uint8Array(SIDE * SIDE)));
      return new Response(
        new ReadableStream({
          async start(controller) {
            signal?.addEventListener("abort", () => controller.error(new DOMException("left", "AbortError")));
            if (!isFailing) for (const position of positions) controller.enqueue(record_(position));
            if (!isFailing) return (controller.enqueue(Uint8Array.from(record(0, 0, new Uint8Array(0), 2))), controller.close());
            controller.enqueue(record_(positions[0] as number));
            if (positions[0] !== 4) return;
            await rest(20);
            isFailing = false;
            controller.close();
          },
        }),
      );
    });
    const { library, streams } = opened(asked);
    const told: unknown[] = [];
    library.troubled = (trouble) => told.push(trouble?.kind);
    await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true), 5000);
    expect(told[0]).toBe("network");
    expect(streams().slice(3).flat().sort((a, b) => a - b)).toEqual(all.map((_, i) => i).filter((i) => ![0, 4, 8].includes(i)));
  });

  test("a page that is hidden keeps one connection, and takes the others again when it is looked at", async () => {
    const page = Object.assign(new EventTarget(), { hidden: false });
    vi.stubGlobal("document", page);
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (address: string, { signal }: RequestInit = {}) => {
      asked.push(address);
      if (address.includes("/facts")) return Response.json({ total: all.length, offset: 0, shared: {}, each: all });
      return new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(new DOMException("left", "AbortError"))));
    });
    const { streams } = opened(asked);
    const turn = (hidden: boolean) => {
      page.hidden = hidden;
      page.dispatchEvent(new Event("visibilitychange"));
    };
    await vi.waitFor(() => expect(streams()).toHaveLength(3));
    turn(true);
    await vi.waitFor(() => expect(streams()).toHaveLength(4));
    expect(streams()[3]).toHaveLength(all.length);
    turn(false);
    await vi.waitFor(() => expect(streams()).toHaveLength(7));
  });

  test("a jump to a frame that is far from coming begins all of them again there", async () => {
    const many = Array.from({ length: 300 }, () => facts());
    const asked: string[] = [];
    const left: string[] = [];
    vi.stubGlobal("Worker", IdleWorker);
    vi.stubGlobal("fetch", async (address: string, { signal }: RequestInit = {}) => {
      asked.push(address);
      if (address.includes("/facts")) return Response.json({ total: many.length, offset: 0, shared: {}, each: many });
      return new Promise((_, refuse) => {
        signal?.addEventListener("abort", () => (left.push(address), refuse(new DOMException("left", "AbortError"))));
      });
    });
    const library = new Library("1", [["1.2", many.length]], 1 << 30, null, new Pace(CRAWL / 2));
    library.know("1.2", 0, facts());
    library.want([{ series: "1.2", position: 0 }]);
    const streams = () => asked.filter((address) => address.includes("/stream")).map(positionsOf);
    await vi.waitFor(() => expect(streams()).toHaveLength(3));
    library.want([{ series: "1.2", position: 10 }]);
    await rest(20);
    expect(streams()).toHaveLength(3);
    library.want([{ series: "1.2", position: 200 }]);
    await vi.waitFor(() => expect(streams()).toHaveLength(6));
    expect(left).toHaveLength(3);
    expect(streams()[3]?.[0]).toBe(200);
  });
});

test("a server that takes its time with each frame is no slow network", async () => {
  const side = 200;
  const all = Array.from({ length: 40 }, () => facts({ rows: side, columns: side }));
  const asked: string[] = [];
  vi.stubGlobal("Worker", IdleWorker);
  vi.stubGlobal("fetch", async (address: string, { signal }: RequestInit = {}) => {
    asked.push(address);
    if (address.includes("/facts")) return Response.json({ total: all.length, offset: 0, shared: {}, each: all });
    return new Response(
      new ReadableStream({
        start: (controller) => signal?.addEventListener("abort", () => controller.error(new DOMException("left", "AbortError"))),
        async pull(controller) {
          for (const position of positionsOf(address)) {
            await rest(20);
            if (signal?.aborted) return;
            const frame = Uint8Array.from(record(position, 1, new Uint8Array(side * side)));
            for (let at = 0; at < frame.length; at += 1 << 14) controller.enqueue(frame.subarray(at, at + (1 << 14)));
          }
          controller.enqueue(Uint8Array.from(record(0, 0, new Uint8Array(0), 2)));
          controller.close();
        },
      }),
    );
  });
  const library = new Library("1", [["1.2", all.length]], 1 << 30);
  library.know("1.2", 0, all[0] as Facts);
  library.want([{ series: "1.2", position: 0 }]);
  await vi.waitFor(() => expect(library.get("1.2").isComplete).toBe(true), 5000);
  expect(asked.filter((address) => address.includes("/stream"))).toEqual(["/study/1/series/1.2/stream?frames=0-39"]);
});

describe("frames in memory", () => {
  test("count with the room that they take, before and after they became floats, and give all of it back", () => {
    const series = new SeriesFrames("1.2", 1);
    series.addFacts(0, [facts({ rescale: { slope: 0.5, intercept: 0, unit: "" } })]);
    series.take({ position: 0, code: 1, payload: new ArrayBuffer(4) });
    expect(series.bytes).toBe(4);
    series.picture(0);
    expect(series.bytes).toBe(16);
    series.forget(0);
    expect(series.bytes).toBe(0);
  });

  test("that make no picture are told of, whoever asked for them", async () => {
    const series = new SeriesFrames("1.2", 1);
    series.addFacts(0, [facts()]);
    series.take({ position: 0, code: 1, payload: new ArrayBuffer(2) });
    let told = 0;
    series.onChange(() => (told += 1));
    expect(series.picture(0)).toBeNull();
    await rest(0);
    expect(told).toBe(1);
    expect(series.problem(0)).toBe("2 samples instead of 4");
    expect([series.bytes, series.loaded, series.isComplete]).toEqual([0, 0, true]);
  });
});
