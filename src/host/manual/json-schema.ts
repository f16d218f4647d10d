import { z } from "zod";
import { configSchema } from "../config/schema.ts";

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
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: "input", override: ({ jsonSchema }) => dropSafeBounds(jsonSchema as JsonSchema) });
  return { $schema, title: "mkinitrd.config.yaml", description: "What `mkinitrd build` makes.", ...schema } as JsonSchema;
}

/** zod writes what a JavaScript number can hold where there is no other bound: it tells a person nothing. */
function dropSafeBounds(schema: JsonSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
