import { describe, expect, test, vi } from "vitest";
import { RAW } from "./codes";
import type { Arrival } from "./cut";
import type { Facts } from "./facts";
import { SeriesFrames } from "./series";
import type { KeptFrame, Shelf } from "./shelf";
import { blocksAround, framesPerBlock, Shelving } from "./shelving";

const SIDE = 2;

function factsOf(content: string, frame = 1): Facts {
  return { content, frame_number: frame, rows: SIDE, columns: SIDE, bits_stored: 16, transport: "uint16", rescale: { slope: 1, intercept: 0, unit: "" } } as Facts;
}

const values = (value: number) => new Uint16Array(SIDE * SIDE).fill(value);
const arrival = (position: number, value: number): Arrival => ({ position, code: RAW, payload: values(value).buffer });
const shown = (series: SeriesFrames) => Array.from({ length: series.total }, (_, i) => series.picture(i)?.values[0]);

/** A shelf in memory; `room` is how many blocks fit. */
class Memory implements Shelf {
  readonly blocks = new Map<string, KeptFrame[]>();
  constructor(public room = Infinity) {}
  get isEmpty(): boolean {
    return !this.blocks.size;
  }
  names(series: string): Promise<string[]> {
    return Promise.resolve([...this.blocks.keys()].filter((key) => key.startsWith(`${series} `)).map((key) => key.split(" ")[1] as string));
  }
  take(series: string, block: string): Promise<KeptFrame[]> {
    return Promise.resolve(structuredClone(this.blocks.get(`${series} ${block}`) ?? []));
  }
  put(series: string, block: string, frames: KeptFrame[]): Promise<boolean> {
    if (this.blocks.size >= this.room) return Promise.resolve(false);
    this.blocks.set(`${series} ${block}`, structuredClone(frames));
    return Promise.resolve(true);
  }
  drop(series: string, block: string): Promise<void> {
    this.blocks.delete(`${series} ${block}`);
    return Promise.resolve();
  }
}

const at = () => Promise.resolve();
const shelvingOn = (shelf: Shelf, restMs = 0) => new Shelving(shelf, at, restMs);
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function seen(contents: string[], pixels = true): SeriesFrames {
  const series = new SeriesFrames("1.2", contents.length);
  series.addFacts(0, contents.map((content) => factsOf(content)));
  series.factsComplete = true;
  if (pixels) contents.forEach((_, i) => series.take(arrival(i, i + 1)));
  return series;
}

async function kept(shelf: Shelf, series: SeriesFrames): Promise<void> {
  shelvingOn(shelf).rest(() => [series]);
  await settled();
}

async function brought(shelf: Shelf, contents: string[], from = 0, signal = new AbortController().signal): Promise<SeriesFrames> {
  const series = new SeriesFrames("1.2", contents.length);
  const facts = async (): Promise<void> => {
    series.addFacts(0, contents.map((content) => factsOf(content)));
    series.factsComplete = true;
  };
  await shelvingOn(shelf).bring(series, from, facts, (one) => series.take(one), signal);
  return series;
}

describe("the next visit", () => {
  test("has all frames of the last one, as they came and as modality values", async () => {
    const shelf = new Memory();
    const before = seen(["a", "b", "c"]);
    before.picture(1);
    await kept(shelf, before);
    const after = await brought(shelf, ["a", "b", "c"]);
    expect(shown(after)).toEqual([1, 2, 3]);
    expect([after.settled, after.bytes]).toEqual([3, 3 * 8]);
  });

  test("takes nothing that the server does not tell of, and puts what moved in its new place", async () => {
    const shelf = new Memory();
    await kept(shelf, seen(["a", "b", "c"]));
    // b was rejected, c changed, d is new and stands before a.
    const after = await brought(shelf, ["d", "a", "C"]);
    expect(shown(after)).toEqual([undefined, 1, undefined]);
  });

  test("forgets what the archive no longer has", async () => {
    const shelf = new Memory();
    await kept(shelf, seen(["a", "b", "c"]));
    shelf.blocks.set("1.2 256/7", []);
    const after = new SeriesFrames("1.2", 2);
    const facts = async (): Promise<void> => {
      after.addFacts(0, [factsOf("a"), factsOf("c")]);
      after.factsComplete = true;
    };
    const shelving = shelvingOn(shelf);
    await shelving.bring(after, 0, facts, (one) => after.take(one), new AbortController().signal);
    expect(after.isComplete).toBe(true);
    shelving.rest(() => [after]);
    await settled();
    expect([...shelf.blocks].map(([name, frames]) => [name, frames.map((frame) => frame.content)])).toEqual([["1.2 256/0", ["a", "c"]]]);
  });

  test("tells frames of one object apart by number", async () => {
    const shelf = new Memory();
    const two = [factsOf("a", 1), factsOf("a", 2)];
    const before = new SeriesFrames("1.2", 2);
    before.addFacts(0, two);
    before.factsComplete = true;
    before.take(arrival(0, 7));
    before.take(arrival(1, 8));
    await kept(shelf, before);
    const after = new SeriesFrames("1.2", 1);
    const facts = async (): Promise<void> => {
      after.addFacts(0, [two[1] as Facts]);
      after.factsComplete = true;
    };
    await shelvingOn(shelf).bring(after, 0, facts, (one) => after.take(one), new AbortController().signal);
    expect(shown(after)).toEqual([8]);
  });

  test("asks for no facts where nothing is kept, and takes nothing where they do not come", async () => {
    const shelf = new Memory();
    const series = new SeriesFrames("1.2", 1);
    let asked = 0;
    const facts = async (): Promise<void> => void (asked += 1);
    const bring = () => shelvingOn(shelf).bring(series, 0, facts, (one) => series.take(one), new AbortController().signal);
    await bring();
    expect(asked).toBe(0);
    await kept(shelf, seen(["a"]));
    await bring();
    expect([asked, series.settled]).toEqual([1, 0]);
  });

  test("stops when it is no longer wanted", async () => {
    const shelf = new Memory();
    await kept(shelf, seen(["a"]));
    const control = new AbortController();
    control.abort();
    expect((await brought(shelf, ["a"], 0, control.signal)).settled).toBe(0);
  });
});

describe("keeping", () => {
  test("leaves out frames that cannot be shown, and writes what is there already only once", async () => {
    const shelf = new Memory();
    const series = seen(["a", "b"], false);
    series.take(arrival(0, 1));
    series.take({ position: 1, code: 0, payload: new ArrayBuffer(0), problem: "no such codec" });
    const shelving = shelvingOn(shelf);
    shelving.rest(() => [series]);
    await settled();
    expect([...shelf.blocks.values()].map((frames) => frames.map((frame) => frame.content))).toEqual([["a"]]);
    shelf.blocks.clear();
    shelving.rest(() => [series]);
    await settled();
    expect(shelf.blocks.size).toBe(0);
  });

  test("waits for the whole block and for the facts", async () => {
    const shelf = new Memory();
    const part = seen(["a", "b"], false);
    part.take(arrival(0, 1));
    await kept(shelf, part);
    const unknown = seen(["a"]);
    unknown.factsComplete = false;
    await kept(shelf, unknown);
    expect(shelf.blocks.size).toBe(0);
  });

  test("takes along what came while it was writing", async () => {
    const shelf = new Memory();
    const [first, second] = [seen(["a"]), new SeriesFrames("1.3", 1)];
    const shelving = shelvingOn(shelf);
    const put = shelf.put.bind(shelf);
    shelf.put = async (series, block, frames) => {
      if (!second.factsComplete) {
        second.addFacts(0, [factsOf("b")]);
        second.factsComplete = true;
        second.take(arrival(0, 2));
        shelving.rest(() => [second, first]);
      }
      return put(series, block, frames);
    };
    // The second one is looked at before the first, and is not whole yet.
    shelving.rest(() => [second, first]);
    await settled();
    expect([...shelf.blocks.keys()].sort()).toEqual(["1.2 256/0", "1.3 256/0"]);
  });

  test("gives up where there is no room", async () => {
    const shelf = new Memory(0);
    const shelving = shelvingOn(shelf);
    shelving.rest(() => [seen(["a"])]);
    await settled();
    shelf.room = 9;
    shelving.rest(() => [seen(["a"])]);
    await settled();
    expect(shelf.blocks.size).toBe(0);
  });

  test("rests while hands are at work", async () => {
    const shelf = new Memory();
    const shelving = shelvingOn(shelf, 60);
    shelving.rest(() => [seen(["a"])]);
    await settled();
    shelving.touched();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(shelf.blocks.size).toBe(0);
    await vi.waitFor(() => expect(shelf.blocks.size).toBe(1));
  });
});

test("blocks are about the same size in bytes, and come from the middle outwards", () => {
  expect(blocksAround(10, 3, 4)).toEqual([1, 2, 0, 3]);
  expect(blocksAround(1, 8, 0)).toEqual([0]);
  const sized = (rows: number, columns: number) => {
    const series = new SeriesFrames("1.2", 1);
    series.addFacts(0, [{ ...factsOf("a"), rows, columns }]);
    return framesPerBlock(series);
  };
  expect([sized(512, 512), sized(3000, 3000), sized(8, 8)]).toEqual([8, 1, 256]);
});
