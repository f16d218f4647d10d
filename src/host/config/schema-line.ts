import { dirname, join, relative } from "node:path";

/** Where the JSON Schema of the configuration lies, below the top of this package. */
export const SCHEMA_FILE = "mkinitrd.schema.json";

/**
 * The first line of a configuration, by which yaml-language-server, and the editors that use it, find the schema: beside the
 * configuration or below its folder by a relative path, elsewhere by an absolute one.
 */
export function schemaLine(configuration: string, packageRoot: string): string {
  const schema = join(packageRoot, SCHEMA_FILE);
  const path = relative(dirname(configuration), schema);
  return `# yaml-language-server: $schema=${path.startsWith("..") ? schema : `./${path}`}`;
}
