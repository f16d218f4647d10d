import { fileURLToPath } from "node:url";

/**
 * What libraries do while they are loaded, and a boot does not need, or not yet. Each edit names the text that it
 * replaces; when a new version of the library no longer has it, the build fails, and someone looks again.
 * @type {{ file: RegExp, edits: [from: string, to: string][] }[]}
 */
const EDITS = [
  {
    // A regular expression over all emoji sequences takes 25 ms to parse: only text with a character outside of ASCII is
    // asked about it. (Not \p{Emoji}: that is digits and asterisks, too.)
    file: /node_modules[\\/]string-width[\\/]index\.js$/,
    edits: [
      [
        "const rgiEmojiRegex = /^\\p{RGI_Emoji}$/v;",
        `let emojiSequence;
const rgiEmojiRegex = { test: (text) => /[^\\x00-\\x7f\\u2010-\\u2027\\u2500-\\u257f]/.test(text) && (emojiSequence ??= new RegExp("^\\\\p{RGI_Emoji}$", "v")).test(text) };`,
      ],
    ],
  },
  {
    // The layout engine's WebAssembly comes through fetch() from a data: URL, which loads all of Node's HTTP client: 40 ms.
    file: /node_modules[\\/]yoga-layout[\\/]dist[\\/]binaries[\\/]yoga-wasm-base64-esm\.js$/,
    edits: [["var loadYoga = ", "const fetch = undefined;\nvar loadYoga = "]],
  },
  {
    // React's debugger, which Ink loads where DEV=true; the package is not installed. CommonJS knows no await at its top.
    file: /node_modules[\\/]ink[\\/]build[\\/]reconciler\.js$/,
    edits: [
      ["await import('./devtools.js');", ""],
      ["const loaded = await loadPackageJson();", "const loaded = packageInfo;"],
    ],
  },
  {
    // The snapshot of the boot program would keep where it was made.
    file: /node_modules[\\/]stack-utils[\\/]index\.js$/,
    edits: [["? process.cwd()", "? '/'"]],
  },
  {
    file: /node_modules[\\/]ink[\\/]build[\\/]components[\\/]ErrorOverview\.js$/,
    edits: [["    cwd: cwd(),", "    cwd: '/',"]],
  },
];

/** Libraries that make an Intl.Segmenter while they are loaded. */
const SEGMENTERS = /node_modules[\\/](string-width|wrap-ansi|slice-ansi|@alcalzone[\\/]ansi-tokenize|ink[\\/]build)[\\/].*\.js$/;
const SEGMENTER = /^(const \w+ = )(new Intl\.Segmenter\(.*\));$/m;
const LAZY_SEGMENTER = fileURLToPath(new URL("lazy-segmenter.js", import.meta.url));

/**
 * The bundler's transform hook.
 * @param {string} code
 * @param {string} id
 */
export function quickStart(code, id) {
  const edits = EDITS.find(({ file }) => file.test(id))?.edits ?? [];
  const edited = edits.reduce((text, [from, to]) => replaceOnce(text, from, to, id), code);
  const lazy = SEGMENTERS.test(id) ? edited.replace(SEGMENTER, "$1lazySegmenter(() => $2);") : edited;
  if (lazy === code) return null;
  return { code: lazy === edited ? edited : `import { lazySegmenter } from ${JSON.stringify(LAZY_SEGMENTER)};\n${lazy}` };
}

/**
 * @param {string} text
 * @param {string} from
 * @param {string} to
 * @param {string} id
 */
function replaceOnce(text, from, to, id) {
  if (text.split(from).length !== 2) throw new Error(`${id}: ${JSON.stringify(from)} is not there once; see tools/quick-start.js`);
  return text.replace(from, () => to);
}
