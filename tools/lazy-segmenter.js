const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Stands in for an Intl.Segmenter of graphemes, which takes 10 ms to make: made when the first text comes whose
 * characters are not each a grapheme of their own.
 * @param {() => Intl.Segmenter} make
 */
export function lazySegmenter(make) {
  /** @type {Intl.Segmenter | undefined} */
  let segmenter;
  return { segment: (/** @type {string} */ text) => (PRINTABLE_ASCII.test(text) ? asciiSegments(text) : (segmenter ??= make()).segment(text)) };
}

/** @param {string} text */
function asciiSegments(text) {
  const segments = Array.from(text, (segment, index) => ({ segment, index, input: text }));
  return Object.assign(segments, { containing: (/** @type {number} */ at = 0) => segments[at] });
}
