import { readFileSync } from "node:fs";
import { ExecError, exitCode, type ExecOptions, type ExecResult } from "../exec.ts";
import { MkinitrdError } from "../errors.ts";
import { createFilesystems } from "./filesystems.ts";
import { parseHeader } from "./header.ts";
import { parseStage } from "../realroot/stage.ts";
import type { Stage } from "../realroot/types.ts";
import type { Content, Volume } from "../volumes/types.ts";
import type { Context, OpenVolume } from "./types.ts";

// What `mkinitrd/rc/test` is: a context with no machine behind it, for unit tests of rc scripts.

/** What a rc script did with the context of `createTestContext`, in order: `exec cryptsetup open …`, `step opened …`. */
export type Recorded = string[];

/** A program that was run: what it was given, and on its standard input, as text. */
export interface RecordedCall {
  program: string;
  args: string[];
  input?: string;
}

/** What a program does in a test; what it leaves out is an exit code of 0 and no output. */
export type TestProgram = (args: string[], input: Buffer | undefined) => Partial<ExecResult> | undefined | Promise<Partial<ExecResult> | undefined>;

export interface TestContextOptions {
  /** The stage that the script serves; `stageOf` reads one from a spec. */
  realroot?: Partial<Stage>;
  request?: Partial<Context["request"]>;
  /** Block devices by the name that a spec gives them. */
  volumes?: Record<string, Partial<Volume>>;
  /** What the person types, in order. */
  answers?: string[];
  /** Key files by the place that an option names, as text; any other is missing. */
  keyFiles?: Record<string, string>;
  /** What the person says to yes-or-no questions, in order; no when there are no more. */
  confirmations?: boolean[];
  /** What programs do, by their names. */
  programs?: Record<string, TestProgram>;
  /** The exit code of each other program run, in order; 0 when there are no more. */
  exitCodes?: number[];
  /** What each other program writes on its standard output, in order; nothing when there is no more. */
  outputs?: string[];
  /** Paths that exist. */
  exists?: string[];
  /** Text files of the new root. */
  newRootFiles?: Record<string, string>;
  availableMemoryBytes?: number;
  /** What `hibernation` says: an obstacle, and the swap area on each device. */
  obstacle?: string;
  areas?: Record<string, Content>;
}

export interface TestContext extends Context {
  readonly recorded: Recorded;
  /** The programs that were run, in order. */
  readonly calls: RecordedCall[];
  /** What was logged, in order: `step`, `warn` and `debug`. */
  readonly logged: { level: "step" | "warn" | "debug"; text: string }[];
  /** Every buffer that `ask` and `keyFiles` gave out, to see that it was wiped. */
  readonly secrets: Buffer[];
  /** What each program got on its standard input, as text. */
  readonly inputs: string[];
}

/** A context for unit tests of rc scripts: nothing is run, everything is recorded. */
export function createTestContext(options: TestContextOptions = {}): TestContext {
  const recorded: Recorded = [];
  const secrets: Buffer[] = [];
  const inputs: string[] = [];
  const calls: RecordedCall[] = [];
  const logged: TestContext["logged"] = [];
  const answers = [...(options.answers ?? [])];
  const confirmations = [...(options.confirmations ?? [])];
  const exitCodes = [...(options.exitCodes ?? [])];
  const outputs = [...(options.outputs ?? [])];
  const realroot: Stage = { kind: "local", fstype: "auto", device: "/dev/vda1", options: {}, mountOptions: [], ...options.realroot };
  const note = (what: string) => void recorded.push(what);

  function nextAnswer(): Buffer {
    const secret = Buffer.from(answers.shift() ?? "");
    secrets.push(secret);
    return secret;
  }

  async function findVolume(name: string): Promise<OpenVolume> {
    const volume = options.volumes?.[name];
    if (volume === undefined) throw new MkinitrdError({ tried: "waiting for a device", on: name, found: "it did not appear" });
    return { name, layer: "partition", path: name, sizeBytes: 2 ** 30, ...volume };
  }

  async function run(program: string, args: string[], execOptions: ExecOptions = {}): Promise<ExecResult> {
    note(`exec ${[program, ...args].join(" ")}`);
    const { input } = execOptions;
    calls.push({ program, args, ...(input === undefined ? {} : { input: input.toString() }) });
    if (input !== undefined) inputs.push(input.toString());
    const { exitCode: code = 0, stdout = "", stderr = "" } = await endOf(program, args, input);
    if (code !== 0 && !execOptions.accept?.includes(code)) throw new ExecError(program, args, { exitCode: code, stderr });
    return { stdout, stderr, exitCode: code };
  }

  async function endOf(program: string, args: string[], input: Buffer | undefined): Promise<Partial<ExecResult>> {
    const own = options.programs !== undefined && Object.hasOwn(options.programs, program) ? options.programs[program] : undefined;
    if (own !== undefined) return (await own(args, input)) ?? {};
    return { exitCode: exitCodes.shift() ?? 0, stdout: outputs.shift() ?? "" };
  }

  const request: Context["request"] = { stages: [realroot], readonly: true, rootflags: [], initArguments: [], quiet: false, debug: false, warnings: [], ...options.request };
  const log: Context["log"] = {
    step: (text) => (logged.push({ level: "step", text }), note(`step ${text}`)),
    warn: (text) => (logged.push({ level: "warn", text }), note(`warn ${text}`)),
    debug: (text) => void logged.push({ level: "debug", text }),
    mark: () => {},
  };
  const volumes: Context["volumes"] = {
    find: findVolume,
    async findLogical(name) {
      const volume = await findVolume(name);
      if (volume.lv === undefined) throw new Error(`${name} is no logical volume of this test`);
      return { ...volume, lv: volume.lv };
    },
    async findArray(name) {
      const volume = await findVolume(name);
      if (volume.md === undefined) throw new Error(`${name} is no array of this test`);
      return { ...volume, md: volume.md };
    },
    async findMembers({ content }) {
      if (content?.member === undefined) return [];
      const all = await this.scan();
      return all.filter((one): one is OpenVolume => one.path !== undefined && one.content?.uuid === content.uuid);
    },
    scan: async () => Promise.all(Object.keys(options.volumes ?? {}).map(findVolume)),
  };
  const system: Context["system"] = {
    mount: async ({ source, target, fstype, options: words }) => note(`mount ${source} ${target} ${fstype} ${words.join(",")}`.trimEnd()),
    markChecked: async (filesystem) => note(`checked ${filesystem}`),
    readNewRoot: async (path) => options.newRootFiles?.[path],
    newRootPath: async (path) => (options.exists?.includes(`/new_root${path}`) ? `/new_root${path}` : undefined),
    opens: async (mapping) => note(`opens ${mapping}`),
    describeMappings: async () => note("describe mappings"),
    findInit: async (_newRoot, asked) => asked ?? "/sbin/init",
    handOver: async (init, args) => note(`hand over ${[init, ...args].join(" ")}`),
    availableMemoryBytes: async () => options.availableMemoryBytes ?? 2 ** 30,
    exists: async (path) => options.exists?.includes(path) ?? false,
  };

  const ask: Context["ask"] = {
    showWaiting: (text) => note(text === undefined ? "nothing to wait for" : `waiting ${text}`),
    async unlock({ volume, attempts, signal }, open) {
      for (let number = 1; number <= attempts; number++) {
        if (signal?.aborted) return "withdrawn";
        note(`ask ${volume} ${number}/${attempts}`);
        const secret = nextAnswer();
        try {
          if (await open(secret, { number, isLast: number === attempts })) return "opened";
        } finally {
          secret.fill(0);
        }
      }
      return "exhausted";
    },
    forget: () => note("forget"),
    async passphrase({ volume, what }) {
      note(`ask ${volume}${what === undefined ? "" : `: ${what}`}`);
      return nextAnswer();
    },
    async confirm({ text }) {
      note(`confirm ${text}`);
      return confirmations.shift() ?? false;
    },
  };

  return {
    recorded,
    calls,
    logged,
    secrets,
    inputs,
    realroot,
    request,
    newRoot: "/new_root",
    devices: { start: async () => note("devices start"), stop: async () => note("devices stop") },
    volumes,
    stages: {
      async serve(stage) {
        note(`serve ${stage.kind}:${stage.device}`);
        return stage.device;
      },
    },
    ask,
    keyFiles: {
      async read(place, { offsetBytes = 0, sizeBytes } = {}) {
        note(`key file ${place}`);
        const text = options.keyFiles?.[place];
        if (text === undefined) throw new MkinitrdError({ tried: "reading the key file", on: place, found: "no such file" });
        const secret = Buffer.from(text).subarray(offsetBytes, sizeBytes === undefined ? undefined : offsetBytes + sizeBytes);
        secrets.push(secret);
        return secret;
      },
      async withPaths(places, use) {
        for (const place of places) note(`key file ${place}`);
        return use(places.map((place) => (place.includes("@") ? `/copy/of${place.split("@")[0]}` : place)));
      },
    },
    filesystems: createFilesystems({ volumes, system, log, exec: run, request, ask }),
    log,
    system,
    hibernation: {
      obstacle: async () => options.obstacle,
      giveUp: async () => note("give up resuming"),
      probeArea: async (path, offsetPages) => options.areas?.[`${path}+${offsetPages}`],
      resume: async (number, offsetPages) => note(`resume ${number} ${offsetPages}`),
    },
    isAbsent: (error) => error instanceof MkinitrdError && error.tried === "waiting for a device",
    exec: run,
    exitCode,
    failure: (failure) => new MkinitrdError(failure),
  };
}

/**
 * The stage that a spec is, for the kind that this script serves: read by its header, as the boot reads it. Throws as the boot
 * would on a spec that is wrong, and on an option that the header does not name.
 */
export function stageOf(script: string | URL, spec: string): Stage {
  const name = script instanceof URL ? script.pathname : script;
  const { keyword, fields, options } = parseHeader(readFileSync(script, "utf8"), name);
  return parseStage(spec, Object.fromEntries(keyword.map((kind) => [kind, { fields, options }])));
}
