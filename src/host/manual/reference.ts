import { commandsWithExitCodes, exitCodes } from "../cli/exit-codes.ts";
import type { ArgumentDescription, CommandDescription, OptionDescription } from "../cli/describe-program.ts";
import type { JsonSchema } from "./json-schema.ts";

/** Every command with its arguments and options, in Markdown. */
export function commandsReference(commands: CommandDescription[]): string {
  return commands.map((command) => [
    `### mkinitrd ${[command.name, ...command.arguments.map(formatArgument)].join(" ")}`,
    "",
    command.description,
    "",
    ...command.arguments.filter(({ description }) => description !== "").map(({ name, description, choices }) => `- *${name}*: ${withChoices(description, choices)}`),
    ...command.options.map((option) => `- ${formatOption(option)}: ${withChoices(option.description, option.choices)}${option.default === undefined ? "" : ` (default: \`${option.default}\`)`}`),
  ].join("\n")).join("\n\n");
}

function formatArgument({ name, required, variadic }: ArgumentDescription): string {
  const text = `${name}${variadic ? "..." : ""}`;
  return required ? text : `[${text}]`;
}

function formatOption({ short, long, value }: OptionDescription): string {
  const flags = [short, long].filter((flag) => flag !== undefined).map((flag) => `\`${flag}\``).join(", ");
  return value === undefined ? flags : `${flags} *${value}*`;
}

function withChoices(description: string, choices: string[]): string {
  return choices.length === 0 ? description : `${description}: ${choices.join(", ")}`;
}

/** The exit codes: what they mean for each command. */
export function exitCodesReference(): string {
  const row = (command: string, codes: { code: number; meaning: string }[]) => codes.map(({ code, meaning }) => `| ${command} | ${code} | ${meaning} |`);
  return ["| command | code | means |", "|---|---|---|", ...row("any other", exitCodes()), ...commandsWithExitCodes().flatMap((command) => row(`\`${command}\``, exitCodes(command)))].join("\n");
}

/** Every key of the configuration, those inside of others by their path, in Markdown. */
export function keysReference(schema: JsonSchema): string {
  return keysOf(schema, "").join("\n");
}

function keysOf({ properties = {}, required = [] }: JsonSchema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, key]) => {
    const fallback = key.default === undefined || isEmpty(key.default) ? "" : `, default \`${typeof key.default === "string" ? key.default : JSON.stringify(key.default)}\``;
    return [
      `- \`${prefix}${name}\` *${typeOf(key)}*${required.includes(name) ? ", required" : ""}${fallback}: ${key.description ?? ""}`.trimEnd(),
      ...insideOf(key).flatMap((inner) => keysOf(inner, `${prefix}${name}${key.type === "array" ? "[]" : ""}.`)),
    ];
  });
}

function isEmpty(value: unknown): boolean {
  return value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

/** The mappings that a key's value may be. */
function insideOf({ anyOf = [], items, ...own }: JsonSchema): JsonSchema[] {
  return [own, ...anyOf, ...(items === undefined ? [] : [items])].filter(({ properties }) => properties !== undefined);
}

function typeOf({ type, anyOf, items, enum: values, minimum, maximum }: JsonSchema): string {
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(" or ");
  if (values !== undefined) return values.join(" | ");
  if (type === "array") return `list of ${items === undefined ? "values" : typeOf(items)}`;
  if (type === "integer") return `number${minimum === undefined ? "" : ` from ${minimum} to ${maximum}`}`;
  return { string: "text", boolean: "true | false", object: "mapping" }[type ?? ""] ?? type ?? "value";
}
