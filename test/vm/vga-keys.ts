/** QEMU's names of the keys (QKeyCode in qapi/ui.json) by what they type on a US keyboard. */
const KEYS: Record<string, string> = {
  ...Object.fromEntries([..."abcdefghijklmnopqrstuvwxyz0123456789"].map((character) => [character, character])),
  " ": "spc", "-": "minus", "=": "equal", "[": "bracket_left", "]": "bracket_right", ";": "semicolon", "'": "apostrophe", "`": "grave_accent",
  "\\": "backslash", ",": "comma", ".": "dot", "/": "slash",
  "\n": "ret", "\r": "ret", "\t": "tab", "\x1b": "esc", "\x7f": "backspace", "\b": "backspace",
};

/** What the same keys type with Shift. */
const SHIFTED: Record<string, string> = Object.fromEntries([..."~!@#$%^&*()_+{}|:\"<>?"].map((character, i) => [character, "`1234567890-=[]\\;',./"[i] ?? ""]));

/** Keys that are pressed together, in order: `["ctrl", "u"]`. */
export type Chord = string[];

/** The chords that type a text on a US keyboard; control characters are Ctrl with their letter, or the key that has them. */
export function usChords(text: string): Chord[] {
  return [...text].map((character) => {
    const key = KEYS[character];
    if (key !== undefined) return [key];
    const lower = SHIFTED[character] ?? (/[A-Z]/.test(character) ? character.toLowerCase() : undefined);
    if (lower !== undefined) return ["shift", KEYS[lower] ?? lower];
    const code = character.codePointAt(0) ?? 0;
    if (code >= 1 && code <= 26) return ["ctrl", String.fromCharCode(0x60 + code)];
    throw new Error(`no key of a US keyboard types ${JSON.stringify(character)}`);
  });
}
