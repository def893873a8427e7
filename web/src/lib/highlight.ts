/** Syntax colors by a few regular expressions: enough to read a diff by, small enough to be always there. */

export type Token = [text: string, kind: '' | 'comment' | 'string' | 'number' | 'keyword' | 'name'];

interface Language {
  pattern: RegExp;
  keywords: Set<string>;
}

const set = (text: string): Set<string> => new Set(text.split(' '));

const C_LIKE = String.raw`(\/\/.*$|\/\*.*?(?:\*\/|$))|("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|${'`'}(?:[^${'`'}\\]|\\.)*${'`'}?)`;
const RUST = String.raw`(\/\/.*$|\/\*.*?(?:\*\/|$))|(r?#*"(?:[^"\\]|\\.)*"?#*|'(?:[^'\\]|\\.)')`;
const HASH = String.raw`(#.*$)|("""|'''|[rbfu]{0,2}"(?:[^"\\]|\\.)*"?|[rbfu]{0,2}'(?:[^'\\]|\\.)*'?)`;
const SQL = String.raw`(--.*$)|('(?:[^']|'')*'?)`;
const MARKUP = String.raw`(<!--.*?(?:-->|$))|("[^"]*"|'[^']*')`;
const REST = String.raw`|\b(\d[\w.]*)|([A-Za-z_$][\w$]*)`;

const language = (rule: string, keywords: string): Language => ({
  pattern: new RegExp(rule + REST, 'g'),
  keywords: set(keywords),
});

const LANGUAGES = {
  js: language(
    C_LIKE,
    'as async await break case catch class const continue default delete do else enum export extends false finally for from function if implements import in instanceof interface let new null of private protected public readonly return static super switch this throw true try type typeof undefined var void while yield',
  ),
  py: language(
    HASH,
    'and as assert async await break class continue def del elif else except False finally for from global if import in is lambda match None nonlocal not or pass raise return True try while with yield self',
  ),
  rs: language(
    RUST,
    'as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while',
  ),
  go: language(
    C_LIKE,
    'break case chan const continue default defer else fallthrough false for func go goto if import interface map nil package range return select struct switch true type var',
  ),
  java: language(
    C_LIKE,
    'abstract assert boolean break byte case catch char class const continue default do double else enum extends false final finally float for fun if implements import in instanceof int interface internal is let long namespace new null object open operator override package private protected public record return sealed short static struct super switch this throw throws true try typeof using val var void when while template typename unsigned auto bool include define',
  ),
  sh: language(
    HASH,
    'if then else elif fi for while do done case esac in function return local export set true false name on runs steps uses with env jobs',
  ),
  sql: language(
    SQL,
    'select from where insert into values update set delete create table index alter add column drop primary key foreign references not null default and or join left inner on group by order limit as unique check begin commit SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE INDEX ALTER ADD COLUMN DROP PRIMARY KEY FOREIGN REFERENCES NOT NULL DEFAULT AND OR JOIN LEFT INNER ON GROUP BY ORDER LIMIT AS UNIQUE CHECK BEGIN COMMIT',
  ),
  html: language(MARKUP, ''),
} satisfies Record<string, Language>;

const EXTENSIONS: Record<string, keyof typeof LANGUAGES> = {
  js: 'js', mjs: 'js', cjs: 'js', jsx: 'js', ts: 'js', tsx: 'js', svelte: 'js', vue: 'js', json: 'js', css: 'java', scss: 'java',
  py: 'py', pyi: 'py', rb: 'py', rs: 'rs', go: 'go', java: 'java', kt: 'java', cs: 'java', c: 'java', h: 'java', cc: 'java',
  cpp: 'java', hpp: 'java', swift: 'java', php: 'java', scala: 'java', sh: 'sh', bash: 'sh', yml: 'sh', yaml: 'sh', toml: 'sh',
  ini: 'sh', dockerfile: 'sh', makefile: 'sh', sql: 'sql', html: 'html', xml: 'html', svg: 'html',
}; // prettier-ignore

/** The rules for this file, by its name; null: shown without colors. */
export function languageOf(path: string): Language | null {
  const name = path.split('/').pop()?.toLowerCase() ?? '';
  const key = EXTENSIONS[name.includes('.') ? (name.split('.').pop() ?? '') : name];
  return key ? LANGUAGES[key] : null;
}

/** One line in pieces. Lines over 2,000 characters stay one piece. */
export function highlight(text: string, rules: Language | null): Token[] {
  if (!rules || text.length > 2000) return [[text, '']];
  const out: Token[] = [];
  let from = 0;
  const push = (part: string, kind: Token[1]) => {
    const last = out.at(-1);
    if (!part) return;
    if (last && last[1] === kind) last[0] += part;
    else out.push([part, kind]);
  };
  for (const m of text.matchAll(rules.pattern)) {
    push(text.slice(from, m.index), '');
    from = m.index + m[0].length;
    const word = m[4];
    if (m[1]) push(m[1], 'comment');
    else if (m[2]) push(m[2], 'string');
    else if (m[3]) push(m[3], 'number');
    else if (word) {
      const next = text[from];
      push(word, rules.keywords.has(word) ? 'keyword' : next === '(' || /^[A-Z]/.test(word) ? 'name' : '');
    }
  }
  push(text.slice(from), '');
  return out;
}

/** Colors and changes laid over each other: each piece has both. */
export function overlay(colors: Token[], changes: [string, boolean][]): [string, Token[1], boolean][] {
  const out: [string, Token[1], boolean][] = [];
  let i = 0;
  let used = 0;
  for (const [text, kind] of colors) {
    let left = text;
    while (left) {
      const change = changes[i];
      if (!change) {
        out.push([left, kind, false]);
        break;
      }
      const room = change[0].length - used;
      const piece = left.slice(0, room);
      if (piece) out.push([piece, kind, change[1]]);
      left = left.slice(piece.length);
      used += piece.length;
      if (used >= change[0].length) {
        i++;
        used = 0;
      }
    }
  }
  return out;
}
