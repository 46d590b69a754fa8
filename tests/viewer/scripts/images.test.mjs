import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Looks } from "../../../viewer/static/js/light/looks.js";

globalThis.document = { getElementById: () => null };
globalThis.matchMedia = () => ({ matches: false });
globalThis.createImageBitmap = (blob) => decoded(blob);
const { Images } = await import("../../../viewer/static/js/light/images.js");

/** Answers and decoders that come when the test says so, by address. */
let answers;
let decoders;
let asked;
let screen;
let images;

beforeEach(() => {
  answers = new Map();
  decoders = new Map();
  asked = [];
  screen = [];
  images = new Images();
});

globalThis.fetch = (address, { signal }) => {
  asked.push(address);
  return new Promise((answer, refuse) => {
    signal.addEventListener("abort", () => refuse(new Error("dropped")));
    answers.set(address, () => answer({ ok: true, headers: new Headers(), blob: async () => address }));
  });
};

const decoded = (address) => new Promise((done) => decoders.set(address, () => done({ address, width: 1, height: 1 })));
const pause = (ms = 0) => new Promise((done) => setTimeout(done, ms));

function want(address, rank) {
  const shown = ({ bitmap }) => screen.push(bitmap.address);
  images.want({ address, rank, shown, failed: (words) => screen.push(words) });
}

async function answer(address) {
  answers.get(address)();
  await pause();
}

async function decode(address) {
  decoders.get(address)();
  await pause();
}

async function arrive(address) {
  await answer(address);
  await decode(address);
}

test("quick and then exact", async () => {
  want("quick", 2);
  want("exact", 3);
  await arrive("quick");
  await arrive("exact");
  assert.deepEqual(screen, ["quick", "exact"]);
});

test("a quick wish neither delays nor covers the exact one of its look", async () => {
  want("exact", 3);
  await pause(300);
  want("quick", 2);
  await arrive("exact");
  want("quick", 2);
  await pause();
  assert.deepEqual([asked, screen], [["exact"], ["exact"]]);
});

test("a quick wish does not push the waiting exact one away, even when its image is here", async () => {
  want("quick", 2);
  await arrive("quick");
  want("older", 2);
  want("exact", 3);
  want("quick", 2);
  await arrive("older");
  await arrive("exact");
  assert.equal(screen.at(-1), "exact");
});

test("a quick image that is still being decoded when it was dropped comes too late", async () => {
  want("old", 2);
  await answer("old");
  await pause(300);
  images.keep("exact", { bitmap: { address: "exact", width: 1, height: 1 }, effect: "none" });
  want("exact", 5);
  await decode("old");
  assert.deepEqual(screen, ["exact"]);
});

test("an answer to an older look never covers a newer one, nor does its failure", async () => {
  want("old", 3);
  await pause(300);
  want("new", 4);
  await pause();
  await arrive("new");
  want("old", 3);
  await pause();
  assert.deepEqual([asked, screen], [["old", "new"], ["new"]]);
});

test("what was dropped can be wished for again", async () => {
  want("a", 2);
  await pause(300);
  want("b", 4);
  want("a", 6);
  await pause();
  await arrive("a");
  assert.deepEqual(screen, ["a"]);
});

test("looks are numbered as they change, and anew after being forgotten", () => {
  const looks = new Looks();
  assert.ok(looks.begin("a"));
  const quick = looks.rank(false);
  const exact = looks.rank(true);
  assert.ok(exact > quick);
  assert.ok(!looks.begin("a"));
  assert.equal(looks.rank(true), exact);
  assert.ok(looks.begin("b"));
  assert.ok(looks.rank(false) > exact);
  looks.forget();
  assert.ok(looks.begin("b"));
});
