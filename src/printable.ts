/**
 * Text of others on its way to a terminal, a log or JSON: control characters, those of C1 included, and bidirectional
 * controls would do there as they please, so they are shown. Whatever a command prints passes here.
 */
const ACTING = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;
const LINE_END = /[\u2028\u2029]/gu;

/** Acting characters as \xHH or \uHHHH; line ends and tabs stay. */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(ACTING, character =>
      character === '\n' || character === '\t' ? character : shown(character),
    );
}

/** In one line: a name with a line end in it must not look like the next message. */
export function oneLine(text: string): string {
  return text.replaceAll(ACTING, shown).replaceAll(LINE_END, shown);
}

/** JSON in which acting characters are escapes, also those that JSON.stringify lets through. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll(ACTING, unicodeEscape);
}

function shown(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? unicodeEscape(character) : `\\x${code.toString(16).padStart(2, '0')}`;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
