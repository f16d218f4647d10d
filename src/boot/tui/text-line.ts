import { StringDecoder } from "node:string_decoder";

const [CTRL_A, CTRL_E, CTRL_H, CTRL_U, CTRL_W, DELETE] = [0x01, 0x05, 0x08, 0x15, 0x17, 0x7f];
const MOST_CHARACTERS = 4096;

export interface TextLine {
  readonly text: string;
  /** In front of which character the cursor stands. */
  readonly caret: number;
  type(byte: number): void;
  /** By what ends the key's escape sequence: `D` is the left arrow. */
  moves: Record<string, () => void>;
}

/** Edits a line of text that is no secret, such as a spec. */
export function createTextLine(initial: string): TextLine {
  const decoder = new StringDecoder("utf8");
  let characters = [...initial];
  let caret = characters.length;
  const put = (to: number) => (caret = Math.max(0, Math.min(to, characters.length)));
  const cut = (from: number) => {
    characters = [...characters.slice(0, from), ...characters.slice(caret)];
    caret = from;
  };
  const startOfWord = () => {
    let start = caret;
    while (start > 0 && characters[start - 1] === " ") start--;
    while (start > 0 && characters[start - 1] !== " ") start--;
    return start;
  };
  return {
    get text() {
      return characters.join("");
    },
    get caret() {
      return caret;
    },
    type(byte) {
      if (byte === DELETE || byte === CTRL_H) cut(Math.max(caret - 1, 0));
      else if (byte === CTRL_U) cut(0);
      else if (byte === CTRL_W) cut(startOfWord());
      else if (byte === CTRL_A) put(0);
      else if (byte === CTRL_E) put(characters.length);
      else if (byte >= 0x20 && characters.length < MOST_CHARACTERS) {
        const typed = [...decoder.write(Buffer.of(byte))].filter((character) => character >= " " && !(character >= "\x7f" && character < "\xa0"));
        characters.splice(caret, 0, ...typed);
        caret += typed.length;
      }
    },
    moves: {
      D: () => put(caret - 1),
      C: () => put(caret + 1),
      H: () => put(0),
      F: () => put(characters.length),
      "1": () => put(0),
      "4": () => put(characters.length),
      "3": () => void (characters = characters.filter((_, index) => index !== caret)),
    },
  };
}
