/** What the network carried while the page itself came: a first guess, before any stream has been measured. Pure. */

/** Of what was loaded, as the browser times it; bytes and milliseconds. */
export type Loaded = Pick<PerformanceResourceTiming, "transferSize" | "encodedBodySize" | "responseStart" | "responseEnd">;

/** Less than this comes in one go, whatever the network. */
const BYTES_LEAST = 12 << 10;

/**
 * Bytes a second at which the quickest of `loaded` came; null where nothing large enough came over the network. Each is
 * timed from its first byte on, without the way there and the server's work. A busy computer, and pieces that come side by
 * side, make it seem slower than the network is, never faster: so the quickest tells most.
 */
export function linkRate(loaded: readonly Loaded[]): number | null {
  // What the browser had already has no transfer; what it only asked about, less than a body.
  const fetched = loaded.filter((one) => one.encodedBodySize >= BYTES_LEAST && one.transferSize >= one.encodedBodySize);
  if (!fetched.length) return null;
  return Math.max(...fetched.map((one) => (one.encodedBodySize / (one.responseEnd - one.responseStart)) * 1000));
}
