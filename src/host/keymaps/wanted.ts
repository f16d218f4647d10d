/** A keymap that the image shall have, and where its keys come from. */
export interface WantedKeymap {
  /** As a person chooses it: `de`, `de-nodeadkeys`. */
  name: string;
  /** A keymap file of this machine, text or binary. */
  file?: string;
  /** A layout of XKB. */
  xkb?: XkbLayout;
  /** Who asks for it: `keymaps: of the configuration`. */
  reason: string;
}

/** A keyboard as XKB names it; see keyboard(5). Empty texts for the usual ones. */
export interface XkbLayout {
  layout: string;
  variant: string;
  model: string;
  options: string;
}
