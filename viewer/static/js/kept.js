// @ts-check
/**
 * Images that the reading room keeps in this browser belong to one person, and go when that one signs out or another
 * comes. `data-for` says whose page this is; empty for nobody's, or where nothing may be kept.
 */

{
  const MARK = "filmless.kept-for";
  const DATABASE = "filmless-frames";
  const person = /** @type {HTMLScriptElement} */ (document.currentScript).dataset.for;

  if (person !== undefined) {
    try {
      const before = localStorage.getItem(MARK);
      if (before !== null && before !== person) {
        localStorage.removeItem(MARK);
        indexedDB.deleteDatabase(DATABASE);
      }
    } catch {
      // A browser that forbids storage has kept nothing.
    }
  }
}
