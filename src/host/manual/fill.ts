import { MkinitrdError } from "../../core/errors.ts";

/**
 * A page with what is made put between its marks: `<!-- made: NAME -->` and `<!-- end -->`, each on a line of its own. Throws when
 * the page asks for what nobody makes, or a mark is not ended.
 */
export function fillPage(page: string, name: string, made: Record<string, string>): string {
  return page.replace(/^<!-- made: (\S+) -->\n(?:[^]*?^<!-- end -->$|[^]*)/gm, (block, what: string) => {
    const text = Object.hasOwn(made, what) ? made[what] : undefined;
    if (text === undefined) throw pageError(name, `nobody makes "${what}"; known: ${Object.keys(made).join(", ")}`);
    if (!block.endsWith("<!-- end -->")) throw pageError(name, `what begins with "made: ${what}" does not end with <!-- end -->`);
    return `<!-- made: ${what} -->\n${text}\n<!-- end -->`;
  });
}

function pageError(name: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "filling the page", on: name, found });
}
