/** ASCII but CR, which LF may follow; dashes and dots; what boxes are drawn of: each is a grapheme of its own. */
const PLAIN = /^[\0-\x0c\x0e-\x7f\u2010-\u2027\u2500-\u257f]*$/;

/**
 * Stands in for an Intl.Segmenter of graphemes, which takes 10 ms to make: made when the first text comes whose
 * characters are not each a grapheme of their own.
 * @param {() => Intl.Segmenter} make
 */
export function lazySegmenter(make) {
  /** @type {Intl.Segmenter | undefined} */
  let segmenter;
  return { segment: (/** @type {string} */ text) => (PLAIN.test(text) ? plainSegments(text) : (segmenter ??= make()).segment(text)) };
}

/** @param {string} text */
function plainSegments(text) {
  const segments = Array.from(text, (segment, index) => ({ segment, index, input: text }));
  return Object.assign(segments, { containing: (/** @type {number} */ at = 0) => segments[at] });
}
