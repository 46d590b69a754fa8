// @ts-check
/** The picture on its canvas, with letters, scale bar and corner texts. Knows no network. */

import { fitScale, keptInSight, lettersUnder, matrix, mmPerScreenPixel, pictureTo, scaleBar, squareSize, storedPixel, wholePicture, zoomedAt } from "./geometry.js";
import { t } from "../words.js";

/** @typedef {import("./stack.js").FrameFacts} FrameFacts */
/** @typedef {import("./geometry.js").Placement} Placement */

const BAR_SHARE = 0.3;
const BAR_MAX = 240;

export class Viewport {
  /** @param {HTMLElement} element `#viewport` of the page */
  constructor(element) {
    this.element = element;
    this.canvas = /** @type {HTMLCanvasElement} */ (element.querySelector("canvas"));
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
    /** @type {FrameFacts | null} */
    this.facts = null;
    /** @type {Placement} */
    this.placement = wholePicture();
    this.rendered = 0;
    /** What the picture is: `exact`, `quick`, or `none`. @type {"exact" | "quick" | "none"} */
    this.quality = "none";
    this.waiting = false;
    this.onResize = () => {};
    new ResizeObserver(() => this.resized()).observe(element);
    this.resized();
  }

  /** The viewport in CSS pixels. */
  get box() {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  /** The picture in square pixels of the stored size, whatever size it was sent in; null before there is one. */
  get picture() {
    return this.facts ? squareSize(this.facts.rows, this.facts.columns, this.facts.aspect || 1) : null;
  }

  /**
   * Put another picture on the screen.
   * @param {ImageBitmap} bitmap
   * @param {FrameFacts} facts
   * @param {"exact" | "quick"} quality
   */
  show(bitmap, facts, quality) {
    this.bitmap = bitmap;
    this.facts = facts;
    this.quality = quality;
    this.rendered += 1;
    this.say("");
    this.draw();
  }

  /** Another picture is on its way: until it is drawn, the one on the screen is no longer called exact. */
  outdated() {
    if (this.quality === "exact") this.quality = "quick";
    if (this.element.dataset.quality === "exact") this.element.dataset.quality = "quick";
  }

  /** There is no picture here; letters and bar stay those of the series. */
  none() {
    this.bitmap = null;
    this.quality = "none";
    this.rendered += 1;
    this.draw();
  }

  /** Take the picture away, as when another series is opened. */
  clear() {
    this.bitmap = null;
    this.facts = null;
    this.quality = "none";
    this.placement = wholePicture();
    this.draw();
  }

  /**
   * Change where the picture lies.
   * @param {(placement: Placement) => Placement} change
   */
  place(change) {
    const picture = this.picture;
    const placed = change(this.placement);
    this.placement = picture ? keptInSight(placed, picture, this.box) : placed;
    this.draw();
  }

  /**
   * @param {number} factor
   * @param {{ x: number, y: number }} [at]
   */
  zoom(factor, at) {
    const { width, height } = this.box;
    this.place((placement) => zoomedAt(placement, factor, at ?? { x: width / 2, y: height / 2 }, { width, height }));
  }

  /** @param {{ x: number, y: number }} moved */
  pan(moved) {
    this.place(({ pan, ...rest }) => ({ ...rest, pan: { x: pan.x + moved.x, y: pan.y + moved.y } }));
  }

  /**
   * Return the stored pixel under a point of the viewport.
   * @param {{ x: number, y: number }} point
   */
  pixelAt(point) {
    const picture = this.picture;
    if (!picture || !this.facts) return null;
    const inPicture = pictureTo(matrix(picture, this.box, this.placement), point);
    return storedPixel(inPicture, picture, this.facts.rows, this.facts.columns);
  }

  /** How many pixels of the screen the longer side of the picture takes, for asking no more than can be seen. */
  get pixelsWanted() {
    const picture = this.picture;
    if (!picture) return Math.max(this.box.width, this.box.height) * devicePixelRatio;
    const scale = fitScale(picture, this.box, this.placement.pose) * this.placement.zoom;
    return Math.max(picture.width, picture.height) * scale * devicePixelRatio;
  }

  /**
   * Say something in the middle of the picture's place; an empty text takes it away.
   * @param {string} words
   */
  say(words) {
    const message = /** @type {HTMLElement} */ (this.element.querySelector(".message"));
    message.textContent = words;
    message.hidden = !words;
  }

  /**
   * @param {"top-left" | "top-right" | "bottom-left" | "bottom-right"} corner
   * @param {string[]} lines
   */
  corner(corner, lines) {
    const holder = /** @type {HTMLElement} */ (this.element.querySelector(`.corner.${corner}`));
    const text = lines.filter(Boolean).join("\n");
    if (holder.textContent !== text) holder.textContent = text;
  }

  resized() {
    const { width, height } = this.box;
    this.canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
    this.canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
    this.draw();
    this.onResize();
  }

  /** Draw at the next chance, once however often it is asked for. */
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { context, canvas, bitmap, picture } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (bitmap && picture) {
      const m = matrix(picture, this.box, this.placement);
      const ratio = devicePixelRatio;
      context.setTransform(m[0] * ratio, m[1] * ratio, m[2] * ratio, m[3] * ratio, m[4] * ratio, m[5] * ratio);
      // Beyond a few screen pixels for one of the picture, show the pixels themselves and not a blur.
      context.imageSmoothingEnabled = Math.abs(m[0] || m[1]) < 4;
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, picture.width, picture.height);
    }
    this.drawLetters();
    this.drawBar();
    // Said once it is drawn and not before, so that nobody takes the picture before for this one.
    this.element.dataset.quality = this.quality;
    this.element.dataset.rendered = String(this.rendered);
  }

  drawLetters() {
    const none = { left: "", right: "", top: "", bottom: "" };
    const letters = this.facts ? lettersUnder(this.facts.letters, this.placement.pose) : none;
    for (const edge of /** @type {const} */ (["left", "right", "top", "bottom"])) {
      /** @type {HTMLElement} */ (this.element.querySelector(`.letter.${edge}`)).textContent = letters[edge];
    }
  }

  drawBar() {
    const bar = /** @type {HTMLElement} */ (this.element.querySelector(".bar"));
    const { facts, picture, box } = this;
    const scale = picture ? fitScale(picture, box, this.placement.pose) * this.placement.zoom : 0;
    const mm = facts && picture ? mmPerScreenPixel(facts.spacing, facts.columns, picture, scale) : null;
    const chosen = mm ? scaleBar(mm, Math.min(box.width * BAR_SHARE, BAR_MAX)) : null;
    bar.hidden = !chosen;
    if (!chosen || !facts) return;
    /** @type {HTMLElement} */ (bar.querySelector("i")).style.width = `${chosen.pixels}px`;
    const length = chosen.mm >= 10 ? `${chosen.mm / 10} cm` : `${chosen.mm} mm`;
    /** @type {HTMLElement} */ (bar.querySelector("span")).textContent = [length, barNote(facts.spacing.status)].filter(Boolean).join(" ");
    bar.dataset.mm = String(chosen.mm);
  }
}

/** @param {string} status of the spacing, see `viewer/rendering/spacing.py` */
function barNote(status) {
  if (status === "detector") return t("at the detector");
  if (status === "film") return t("on the film");
  return "";
}
