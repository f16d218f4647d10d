import fc from "fast-check";
import { expect, test } from "vitest";
import { orderSteps } from "../../../src/core/rc/order.ts";

type Words = Partial<Record<"provide" | "require" | "before" | "keyword", string[]>>;
const script = (name: string, words: Words = {}) => ({ name, header: { provide: [], require: [], before: [], keyword: [], ...words } });

test("a step comes behind what it requires, by script name or by what a script provides, and waits for those that say BEFORE", () => {
  const steps = orderSteps([
    script("pivot", { require: ["root"] }),
    script("mount", { provide: ["root"], require: ["unlock"] }),
    script("keymap", { before: ["unlock"] }),
    script("unlock", { require: ["devices"] }),
    script("devices"),
    script("crypt", { keyword: ["crypt"] }),
  ]);
  expect(steps).toEqual([
    { name: "devices", require: [] },
    { name: "keymap", require: [] },
    { name: "unlock", require: ["devices", "keymap"] },
    { name: "mount", require: ["unlock"] },
    { name: "pivot", require: ["mount"] },
  ]);
});

test.each([
  { scripts: [script("unlock", { require: ["devcies"] }), script("devices")],
    message: 'ordering rc.d on the image plan: unlock requires "devcies", which nobody provides; provided: devices, unlock\n  next: did you mean devices?' },
  { scripts: [script("keymap", { before: ["prompt"] })],
    message: 'ordering rc.d on the image plan: keymap comes before "prompt", which nobody provides; provided: keymap' },
  { scripts: [script("mount", { require: ["lvm"] }), script("lvm", { keyword: ["lvm"] })],
    message: 'ordering rc.d on the image plan: mount requires "lvm", which serves a realroot kind and is no step; steps: mount' },
  { scripts: [script("a", { require: ["lvm"] }), script("lvm", { require: ["crypt"] }), script("crypt", { before: ["z"], require: ["lvm"] }), script("z")],
    message: "ordering rc.d on the image plan: lvm → crypt → lvm is a cycle\n  next: each requires the one behind its arrow: remove one REQUIRE or BEFORE" },
  { scripts: [script("a", { require: ["a"] })], message: /: a → a is a cycle/ },
  { scripts: [script("a", { provide: ["root"] }), script("b", { provide: ["root"] })], message: /: a and b both provide "root"$/ },
  { scripts: [script("a", { provide: ["b"] }), script("b")], message: /: a and b both provide "b"$/ },
  { scripts: [script("a"), script("a")], message: /: two scripts are called "a"$/ },
])("$message", ({ scripts, message }) => {
  expect(() => orderSteps(scripts)).toThrow(message);
});

test("in any order without a cycle, requirements come first and the order given does not matter", () => {
  const graph = fc.integer({ min: 1, max: 12 }).chain((count) => fc.record({
    // Step i may only require steps below it: no cycle.
    edges: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 30 }),
    shuffled: fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i), { minLength: count }),
  }));
  fc.assert(fc.property(graph, ({ edges, shuffled }) => {
    const scripts = shuffled.map((i) => script(`s${i}`, { require: edges.filter(([a, b]) => a === i && b < i).map(([, b]) => `s${b}`) }));
    const steps = orderSteps(scripts);
    const seen = new Set<string>();
    for (const step of steps) {
      expect(step.require.filter((name) => !seen.has(name))).toEqual([]);
      seen.add(step.name);
    }
    expect(seen.size).toBe(scripts.length);
    expect(orderSteps([...scripts].reverse())).toEqual(steps);
  }));
});
