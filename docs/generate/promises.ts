/**
 * docs/reload-and-recovery-tests.md: the statements of docs/reload-and-recovery.md, each with the tests that show it. In
 * the page they stand in a comment behind the statement, a line each: `integration/reload.test.ts: NAME OF THE TEST`.
 */
import { readFileSync } from 'node:fs';

export interface Promised {
  readonly section: string;
  /** A paragraph, an item of a list, a table or a code block. */
  readonly text: string;
  readonly isItem: boolean;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

const PAGE = new URL('../reload-and-recovery.md', import.meta.url);
const COMMENT = /<!-- tests\n([\s\S]*?)-->/;

/** Block by block, without what stands before the first section. */
export function promises(): Promised[] {
  const [, ...sections] = readFileSync(PAGE, 'utf8').split(/^##+ /m);
  return sections.flatMap(section => {
    const [title = '', ...body] = section.split('\n');
    const blocks = body.join('\n').split(/\n\s*\n|\n(?=- |\d+\. )/);
    return blocks.filter(block => block.trim() !== '').map(block => promised(title, block));
  });
}

function promised(section: string, block: string): Promised {
  const [comment = '', lines = ''] = COMMENT.exec(block) ?? [];
  const tests = lines.split('\n').flatMap(line => {
    const [, file, name] = /^\s*(\S+\.test\.ts): (.+)$/.exec(line) ?? [];
    return file === undefined || name === undefined ? [] : [{ file, name }];
  });
  const text = block.replace(comment, '').replace(/\s+/g, ' ').trim();
  return { section, text: text.replace(/^(- |\d+\. )/, ''), isItem: /^(- |\d+\. )/.test(text), tests };
}

export function promisesPage(): string {
  const shown = promises().filter(({ tests }) => tests.length > 0);
  const sections = [...new Set(shown.map(({ section }) => section))].map(title => {
    const ofIt = shown.filter(({ section }) => section === title).map(describe);
    return `## ${title}\n\n${ofIt.join('\n')}`;
  });
  const intro = `<!-- Generated from docs/reload-and-recovery.md by npm run generate. -->

# Reload and recovery: the tests

Each statement of [reload-and-recovery.md](reload-and-recovery.md), with the tests that show it.
`;
  return [intro, ...sections].join('\n');
}

function describe({ text, tests }: Promised): string {
  const links = tests.map(({ file, name }) => `  - [${name}](../test/${file})\n`);
  return `- ${text.replaceAll(/\]\(#[^)]*\)/g, '](reload-and-recovery.md)')}\n${links.join('')}`;
}
