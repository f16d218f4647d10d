import { describe, expect, test } from "vitest";
import { mergeLayers } from "../../../src/host/plan/merge.ts";
import { directory, link } from "../../../src/host/plan/paths.ts";
import type { Entry, PlannedLayer } from "../../../src/host/plan/types.ts";

test("entries are sorted, and every parent directory is in the first layer that needs it", () => {
  const merged = mergeLayers([layer("runtime", [file("usr/bin/b"), directory("usr", "x")]), layer("tools", [file("usr/bin/a"), file("usr/sbin/c")])]);
  expect(paths(merged)).toEqual({ runtime: ["usr", "usr/bin", "usr/bin/b"], tools: ["usr/bin/a", "usr/sbin", "usr/sbin/c"] });
});

test("a directory's own mode stays where another layer only puts something in it", () => {
  const [first, second] = mergeLayers([layer("runtime", [directory("root", "x", 0o700)]), layer("site", [file("root/key")])]);
  expect(first?.entries).toMatchObject([{ path: "root", mode: 0o700 }]);
  expect(second?.entries.map(({ path }) => path)).toEqual(["root/key"]);
});

test("a file that two layers need is in the first, with its reason", () => {
  const merged = mergeLayers([layer("runtime", [file("lib/c", "first")]), layer("tools", [file("lib/c", "second")])]);
  expect(merged[0]?.entries.find(({ path }) => path === "lib/c")?.reason).toBe("first");
  expect(paths(merged)["tools"]).toEqual([]);
});

test("two ways to write a link's target are the same link", () => {
  const merged = mergeLayers([layer("tools", [link("usr/lib/a", "../lib64/a", "x"), link("usr/lib/a", "/usr/lib64/a", "y")])]);
  expect(merged[0]?.entries.filter(({ path }) => path === "usr/lib/a")).toHaveLength(1);
});

test("what would lie behind a link goes where the link leads", () => {
  const merged = mergeLayers([layer("runtime", [link("usr/sbin", "bin", "Arch"), link("a", "/usr/sbin", "two links")]), layer("tools", [file("usr/sbin/x"), file("a/y")])]);
  expect(paths(merged)["tools"]).toEqual(["usr", "usr/bin", "usr/bin/x", "usr/bin/y"].filter((path) => path !== "usr"));
});

describe("what is refused", () => {
  test.each<{ what: string; layers: PlannedLayer[]; found: RegExp }>([
    {
      what: "one path with two contents",
      layers: [layer("tools", [file("etc/a")]), layer("site", [{ ...file("etc/a", "the user"), from: { bytes: Buffer.from("x") } } as Entry])],
      found: /planning \/etc\/a on the layers tools and site: two contents for one path: \/host\/etc\/a with mode 644 \(test\), and a text of the plan/,
    },
    { what: "one path with two modes", layers: [layer("tools", [file("a"), { ...file("a"), mode: 0o600 }])], found: /on the layer tools: two contents/ },
    { what: "a file where a directory is needed", layers: [layer("tools", [file("a"), file("a/b")])], found: /planning \/a on/ },
    { what: "a path that leaves the image", layers: [layer("site", [file("../etc/passwd")])], found: /no path inside/ },
    { what: "an empty path", layers: [layer("site", [file("")])], found: /no path inside/ },
  ])("$what", ({ layers, found }) => {
    expect(() => mergeLayers(layers)).toThrow(found);
  });
});

test("links that lead in a circle end", () => {
  expect(() => mergeLayers([layer("tools", [link("a", "b", "x"), link("b", "a", "x"), file("a/c")])])).toThrow();
});

function layer(name: PlannedLayer["name"], entries: Entry[]): PlannedLayer {
  return { name, entries };
}

function file(path: string, reason = "test"): Entry {
  return { path, mode: 0o644, reason, type: "file", from: { file: `/host/${path}` } };
}

function paths(layers: PlannedLayer[]): Record<string, string[]> {
  return Object.fromEntries(layers.map(({ name, entries }) => [name, entries.map(({ path }) => path)]));
}
