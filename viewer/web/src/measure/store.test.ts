import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Cell } from "../cell";
import type { Room } from "../room";
import type { Sent } from "./model";
import { Measurements } from "./store.svelte";

const OWN = "1.9";
const PRIOR = "1.8";

/** A server that keeps one document of the reader for each study, as ours does. */
class Server {
  token = "first";
  reader = "reader";
  kept = new Map<string, { instance: string; measurements: Sent[] }>();
  /** Called while a save is on its way. */
  meanwhile: () => void = () => undefined;

  answer(study: string) {
    const own = this.kept.get(study);
    return { documents: own ? [{ ...own, author: "reader", is_mine: true, made_at: "", left_out: 0 }] : [], may_save: true };
  }

  save(study: string, measurements: Sent[]): void {
    this.kept.set(study, { instance: `${study}.${Math.random()}`, measurements });
  }

  fetch = async (address: string, init?: RequestInit): Promise<Response> => {
    if (address === "/reading/session") return Response.json({ token: this.token, reader: this.reader });
    const study = address.split("/")[2] as string;
    if (init?.method !== "POST") return Response.json(this.answer(study));
    if (new Headers(init.headers).get("X-CSRF-Token") !== this.token) return Response.json({ error: "Forbidden" }, { status: 403 });
    const body = JSON.parse(String(init.body)) as { measurements: Sent[]; based_on: string | null };
    if (body.based_on !== (this.kept.get(study)?.instance ?? null)) return Response.json({ error: "Conflict" }, { status: 409 });
    this.meanwhile();
    this.save(study, body.measurements);
    return Response.json(this.answer(study));
  };
}

let server: Server;
let store: Measurements;
const cell = (sop: string, study = OWN) => ({ facts: { sop, frame_number: 1 }, series: { uid: "1.2~axial" }, study }) as unknown as Cell;
const points = [{ x: 1, y: 1 }, { x: 5, y: 1 }];
const kept = (study: string) => server.kept.get(study)?.measurements.map((one) => one.image?.instance) ?? [];
const mine = () => store.mine.map((one) => one.image?.instance).sort();

beforeEach(() => {
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  const page = { study: OWN, token: "first", reader: "reader" };
  store = new Measurements({ page, library: { calm: async () => undefined }, studyOf: (one: { study: string }) => one.study } as unknown as Room);
});
afterEach(() => void vi.unstubAllGlobals());

describe("measurements", () => {
  it("come back after they were deleted, and go when drawing them is taken back", async () => {
    for (const sop of ["1.1", "1.2"]) store.add("length", cell(sop), points);
    await store.save("saved");
    store.remove(store.mine.find((one) => one.image?.instance === "1.1")?.uid ?? "");
    expect(mine()).toEqual(["1.2"]);
    store.undo();
    expect(mine()).toEqual(["1.1", "1.2"]);
    await store.save("saved");
    expect(kept(OWN).sort()).toEqual(["1.1", "1.2"]);
    store.undo();
    expect(mine()).toEqual(["1.1"]);
    expect(store.isDirty).toBe(true);
    await store.save("saved");
    expect(kept(OWN)).toEqual(["1.1"]);
    store.undo();
    expect(mine()).toEqual([]);
    expect(store.canUndo).toBe(false);
    store.undo();
    expect(mine()).toEqual([]);
  });

  it("are taken back in the reverse order of what was done", () => {
    for (const sop of ["1.1", "1.2"]) store.add("length", cell(sop), points);
    store.remove(store.mine.find((one) => one.image?.instance === "1.2")?.uid ?? "");
    const seen = [1, 2, 3].map(() => (store.undo(), mine()));
    expect(seen).toEqual([["1.1", "1.2"], ["1.1"], []]);
  });

  it("are kept each with the study of its image, and those that no document can place on the screen", async () => {
    store.add("length", cell("1.1"), points);
    store.add("length", cell("1.2", PRIOR), points);
    store.add("length", cell(""), points);
    await store.save("saved");
    expect(store.notice).toEqual({ words: "saved", isBad: false });
    expect([kept(OWN), kept(PRIOR)]).toEqual([["1.1"], ["1.2"]]);
    expect([store.mine.length, store.isDirty, store.hasUnsaved]).toEqual([3, false, true]);
  });

  it("that are drawn, changed or deleted while a save is on its way stay so, and are saved the next time", async () => {
    for (const sop of ["1.1", "1.2", "1.3"]) store.add("length", cell(sop), points);
    const [, second, third] = store.mine;
    server.meanwhile = () => {
      store.add("length", cell("1.4"), points);
      store.rename(second?.uid ?? "", "renamed");
      store.remove(third?.uid ?? "");
    };
    await store.save("saved");
    expect(mine()).toEqual(["1.1", "1.2", "1.4"]);
    expect(store.mine.find((one) => one.image?.instance === "1.2")?.name).toBe("renamed");
    expect(store.isDirty).toBe(true);
    server.meanwhile = () => undefined;
    await store.save("saved");
    expect(kept(OWN).sort()).toEqual(["1.1", "1.2", "1.4"]);
    expect(store.isDirty).toBe(false);
  });

  it("saved elsewhere meanwhile stand beside these, and both can be saved", async () => {
    await store.load();
    store.add("length", cell("1.1"), points);
    server.save(OWN, [{ uid: "2.25.7", kind: "length", image: { instance: "1.5", frame: 1 }, points: [[1, 1], [2, 2]], name: "" }]);
    await store.save("saved");
    expect(store.notice?.isBad).toBe(true);
    expect(mine()).toEqual(["1.1", "1.5"]);
    await store.save("saved");
    expect(kept(OWN).sort()).toEqual(["1.1", "1.5"]);
  });

  it("can be saved after another sign-in of the same person, and of no one else", async () => {
    store.add("length", cell("1.1"), points);
    Object.assign(server, { token: "second", reader: "somebody" });
    await store.save("saved");
    expect([kept(OWN), store.isDirty, store.notice?.isBad]).toEqual([[], true, true]);
    server.reader = "reader";
    await store.save("saved");
    expect([kept(OWN), store.isDirty]).toEqual([["1.1"], false]);
  });
});
