import { z } from "zod";
import { configSchema } from "../config/schema.ts";

/** Where the schema lies, below the top of this package; editors find it by the first line of a configuration. */
export const SCHEMA_FILE = "mkinitrd.schema.json";

/** A schema of the subset that ours makes use of; https://json-schema.org/draft/2020-12. */
export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** The configuration file as JSON Schema, for editors: keys, types, defaults and descriptions. The build checks more than it says. */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: "input" });
  return { $schema, title: "mkinitrd.config.yaml", description: "What `mkinitrd build` makes.", ...schema } as JsonSchema;
}

/** The line at the top of a configuration by which yaml-language-server, and the editors that use it, find the schema. */
export function schemaLine(path: string): string {
  return `# yaml-language-server: $schema=${path}`;
}
