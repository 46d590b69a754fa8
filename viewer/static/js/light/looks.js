// @ts-check
/**
 * Which of two pictures belongs on the screen. A look is one image at one size in one window; every new one gets the
 * next number. A picture may replace another of an older look, or one of the same look that is not better. Whatever
 * order answers, decoders and timers come in, a quick picture therefore never covers the exact one of its look, nor an
 * old look a newer one. Pure.
 */

export class Looks {
  constructor() {
    this.number = 0;
    this.key = "";
  }

  /**
   * Begin a look unless it is the present one; true when it is another.
   * @param {string} key address of its exact image
   */
  begin(key) {
    if (key === this.key) return false;
    this.key = key;
    this.number += 1;
    return true;
  }

  /** Forget the present look, so that even the same one begins anew, as after a failure. */
  forget() {
    this.key = "";
  }

  /**
   * Return the rank of a picture of the present look; a picture may only replace one of its rank or lower.
   * @param {boolean} exact
   */
  rank(exact) {
    return 2 * this.number + (exact ? 1 : 0);
  }
}
