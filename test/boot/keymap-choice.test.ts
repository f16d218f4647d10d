import { afterEach, expect, test } from "vitest";
import { keymapChoice } from "../../src/boot/keymap-choice.ts";
import { createScreen, type Screen } from "../../src/boot/tui/screen.ts";
import { createDesk } from "./tui/desk.ts";

let screen: Screen;
afterEach(() => screen.close());

function open(names: string[], consoles = ["/dev/tty0"]) {
  const desks = consoles.map((name) => createDesk({ name }));
  screen = createScreen({ terminals: desks.map(({ terminal }) => terminal) });
  const applied: string[] = [];
  let current: string | undefined = names[0];
  const keymaps = {
    names,
    get current() {
      return current;
    },
    async apply(name: string) {
      applied.push(name);
      current = name;
    },
  };
  return { ...desks[0]!, applied, choice: keymapChoice(screen, keymaps)[0] };
}

test("a layout is chosen from a list and tried before it is kept; the prompt names it", async () => {
  const { choice, shows, type, applied } = open(["us", "de", "fr"]);
  screen.show({ keymap: "us" });
  screen.passphrase({ volume: "/dev/vda" }).catch(() => {});
  await shows("Keyboard: us.");
  const done = choice!.run(undefined);
  await shows(/1 {2}us \(now\)[^]*2 {2}de[^]*Choose:/);
  type("2");
  await shows(/Try de[^]*> /);
  type("zy");
  await shows(/> zy/);
  type("\r");
  await done;
  expect(applied).toEqual(["de"]);
  await shows("Keyboard: de.");
});

test("one that was being tried when the boot failed is taken back", async () => {
  const { choice, shows, type, applied } = open(["us", "de"]);
  const done = choice!.run(undefined).catch(() => "over");
  await shows(/Choose:/);
  type("2");
  await shows(/Try de/);
  screen.cancel();
  await expect(done).resolves.toBe("over");
  expect(applied).toEqual(["de", "us"]);
});

test("one that was tried and given up is taken back", async () => {
  const { choice, shows, type, applied } = open(["us", "de"]);
  const done = choice!.run(undefined);
  await shows(/Choose:/);
  type("2");
  await shows(/Try de/);
  type("\x1b");
  await shows(/1 {2}us \(now\)/);
  expect(applied).toEqual(["de", "us"]);
  type("\x1b");
  await done;
});

test("there is no such choice without keymaps, nor on a machine that has only serial lines", () => {
  expect(open([]).choice).toBeUndefined();
  expect(open(["us", "de"], ["/dev/ttyS0", "/dev/hvc0"]).choice).toBeUndefined();
});
