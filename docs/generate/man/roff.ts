/**
 * A manual page in the man(7) macros, which groff and mandoc both read. marked takes the Markdown apart; the page is
 * written here, because what converts Markdown to roff by itself (marked-man 2, remark-man 9) knows no tagged
 * paragraphs, which every list of options is, and the second lets a line of code begin with a quote: a lost line.
 */
import { lexer, type Token, type Tokens } from 'marked';

export interface PageTitle {
  readonly name: string;
  readonly section: number;
  /** Foot and head of the page. */
  readonly source: string;
  readonly manual: string;
}

const WIDTH = 78;

export class ManPage {
  readonly #lines: string[] = [];
  /** Whether a paragraph here follows something, rather than being the first below its title or tag. */
  #isBelow = false;

  constructor({ name, section, source, manual }: PageTitle) {
    // No date: the page must come out the same tomorrow.
    const title = [name.toUpperCase(), String(section), '', source, manual].map(quoted).join(' ');
    this.#lines.push(`.TH ${title}`, '.nh'); // names of keys and files stay whole
  }

  section(title: string): void {
    this.#title('.SH', title.toUpperCase());
  }

  subsection(title: string): void {
    this.#title('.SS', title);
  }

  /** A tag in inline Markdown with what it means below it, in Markdown. */
  tagged(tag: string, body: string): void {
    this.#lines.push('.TP', ...filled(inline(inlineTokens(tag))));
    this.#isBelow = false;
    this.markdown(body);
    this.#isBelow = true;
  }

  /** Short lines below a tagged paragraph, each inline Markdown. */
  facts(lines: readonly string[]): void {
    this.#lines.push('.RS', '.PD 0');
    for (const line of lines) this.#lines.push('.IP \\(bu 2', ...filled(inlineMarkdown(line)));
    this.#lines.push('.PD', '.RE');
    this.#isBelow = true;
  }

  /** A paragraph that is written as roff already. */
  raw(...lines: readonly string[]): void {
    this.#paragraph();
    this.#lines.push(...lines);
  }

  code(text: string): void {
    this.#paragraph();
    this.#lines.push('.RS 4', '.EX', ...text.split('\n').map(line => startSafe(literal(line))), '.EE', '.RE');
  }

  markdown(text: string): void {
    for (const token of lexer(text)) this.#block(token as Tokens.Generic);
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #title(macro: string, title: string): void {
    this.#lines.push(`${macro} ${quoted(title)}`);
    this.#isBelow = false;
  }

  #paragraph(): void {
    if (this.#isBelow) this.#lines.push('.PP');
    this.#isBelow = true;
  }

  #block(token: Tokens.Generic): void {
    switch (token.type) {
      case 'heading':
        if (token.depth <= 2) this.section(token.text as string);
        else this.subsection(token.text as string);
        break;
      case 'paragraph':
      case 'text':
        this.#paragraph();
        this.#lines.push(...filled(inline(token.tokens ?? [])));
        break;
      case 'code':
        this.code(token.text as string);
        break;
      case 'list':
        this.#list(token as Tokens.List);
        break;
      case 'table':
        // Two columns are what a tagged paragraph says better.
        for (const [tag, meaning] of (token as Tokens.Table).rows)
          this.tagged(tag?.text ?? '', meaning?.text ?? '');
        break;
      case 'space':
      case 'html':
        break;
      default:
        throw new Error(`the manual pages have no ${token.type}: ${token.raw}`);
    }
  }

  #list(list: Tokens.List): void {
    for (const [at, item] of list.items.entries()) {
      this.#lines.push(list.ordered ? `.IP ${Number(list.start) + at}. 4` : '.IP \\(bu 2');
      this.#isBelow = false;
      for (const token of item.tokens) this.#block(token as Tokens.Generic);
    }
    this.#isBelow = true;
  }
}

/** Inline Markdown as roff text, in one line. */
export function inlineMarkdown(text: string): string {
  return inline(inlineTokens(text));
}

function inlineTokens(text: string): Token[] {
  return lexer(text).flatMap(token => ('tokens' in token ? (token.tokens ?? []) : []));
}

function inline(tokens: readonly Token[]): string {
  return tokens.map(token => inlineToken(token as Tokens.Generic)).join('');
}

function inlineToken(token: Tokens.Generic): string {
  switch (token.type) {
    case 'codespan':
      return bold(token.text as string);
    case 'strong':
      return `\\fB${inline(token.tokens ?? [])}\\fR`;
    case 'em':
      return italic(token.text as string);
    case 'link':
    case 'text':
    case 'escape':
    case 'html':
      return token.tokens === undefined ? prose(token.text as string) : inline(token.tokens);
    case 'br':
      return ' ';
    default:
      throw new Error(`the manual pages have no ${token.type}: ${token.raw}`);
  }
}

export function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

/** In literal text no quote is curly and no hyphen is a line's end. */
export function literal(text: string): string {
  return prose(text).replaceAll("'", '\\(aq').replaceAll('`', '\\(ga');
}

function prose(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/[^\n\x20-\x7e]/gu, character => {
      const code = character.codePointAt(0) ?? 0;
      return `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
    });
}

/** Lines that are not too long, and of which none is taken for a macro. */
export function filled(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(part => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(startSafe(line));
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, startSafe(line)];
}

function startSafe(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** An argument of a macro. */
function quoted(text: string): string {
  return `"${literal(text).replaceAll('"', '\\(dq')}"`;
}
