import { clean } from './clean';

/**
 * A small part of Markdown, read into a tree that components render as text nodes: there is no HTML in it, no picture, and no
 * link but to http and https, whose host is shown. What isn't understood stays as it was written.
 */
export type Inline =
  | { kind: 'text' | 'code' | 'strong' | 'em'; text: string }
  | { kind: 'link'; text: string; href: string; host: string };

export type Block =
  | { kind: 'paragraph'; inline: Inline[] }
  | { kind: 'heading'; level: number; inline: Inline[] }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'quote'; inline: Inline[] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' };

const MAX = 100_000;

export function markdown(source: string): Block[] {
  const lines = clean(source.slice(0, MAX)).split('\n');
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length) blocks.push({ kind: 'paragraph', inline: inline(paragraph.join('\n')) });
    paragraph = [];
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const fence = /^\s*(`{3,}|~{3,})\s*([\w+-]*)/.exec(line);
    if (fence) {
      flush();
      const body: string[] = [];
      while (++i < lines.length && !(lines[i] ?? '').trim().startsWith(fence[1] ?? '```'))
        body.push(lines[i] ?? '');
      blocks.push({ kind: 'code', language: fence[2] ?? '', text: body.join('\n') });
      continue;
    }
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (heading) {
      flush();
      blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, inline: inline(heading[2] ?? '') });
      continue;
    }
    if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      flush();
      blocks.push({ kind: 'rule' });
      continue;
    }
    if (line.trim().startsWith('|') && DELIMITER.test(lines[i + 1] ?? '')) {
      flush();
      const head = cells(line);
      const rows: Inline[][][] = [];
      i += 1;
      while ((lines[i + 1] ?? '').trim().startsWith('|')) {
        const row = cells(lines[++i] ?? '');
        rows.push(head.map((_, k) => row[k] ?? []));
      }
      blocks.push({ kind: 'table', head, rows });
      continue;
    }
    const item = /^\s*(?:[-*+]|(\d{1,4})[.)])\s+(.*)$/.exec(line);
    if (item) {
      const ordered = item[1] !== undefined;
      const last = blocks.at(-1);
      const text = inline(item[2] ?? '');
      if (!paragraph.length && last?.kind === 'list' && last.ordered === ordered) last.items.push(text);
      else {
        flush();
        blocks.push({ kind: 'list', ordered, items: [text] });
      }
      continue;
    }
    const quote = /^\s*>\s?(.*)$/.exec(line);
    if (quote) {
      flush();
      const last = blocks.at(-1);
      if (last?.kind === 'quote') last.inline.push({ kind: 'text', text: '\n' }, ...inline(quote[1] ?? ''));
      else blocks.push({ kind: 'quote', inline: inline(quote[1] ?? '') });
      continue;
    }
    if (line.trim() === '') flush();
    else paragraph.push(line.trim());
  }
  flush();
  return blocks;
}

/** The line below a table's head. */
const DELIMITER = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;

/** The cells of a table's line; `\\|` is a bar within one. */
function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||(?<!\\)\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => inline(cell.trim().replace(/\\\|/g, '|')));
}

const PIECES =
  /(`+)([^`]+?)\1(?!`)|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*|(?<!\w)_([^_\s][^_\n]*)_(?!\w)|\[([^\]\n]{1,300})\]\(([^)\s]{1,2000})\)|(https?:\/\/[^\s<>"')\]]{1,2000}[^\s<>"')\].,;:!?])/g;

export function inline(source: string): Inline[] {
  const out: Inline[] = [];
  const text = (part: string) => {
    const last = out.at(-1);
    if (!part) return;
    if (last?.kind === 'text') last.text += part;
    else out.push({ kind: 'text', text: part });
  };
  let from = 0;
  for (const m of source.matchAll(PIECES)) {
    text(source.slice(from, m.index));
    from = m.index + m[0].length;
    if (m[2] !== undefined) out.push({ kind: 'code', text: m[2] });
    else if (m[3] !== undefined) out.push({ kind: 'strong', text: m[3] });
    else if (m[4] !== undefined) out.push({ kind: 'em', text: m[4] });
    else if (m[5] !== undefined) out.push({ kind: 'em', text: m[5] });
    else {
      const url = safeUrl(m[7] ?? m[8] ?? '');
      if (url) out.push({ kind: 'link', text: m[6] ?? m[8] ?? url.href, href: url.href, host: url.host });
      else text(m[0]);
    }
  }
  text(source.slice(from));
  return out;
}

/** The same text without its marks: for lines that are cut off, where half a mark would stay. */
export const plainWords = (source: string): string =>
  inline(source)
    .map((part) => part.text)
    .join('');

/** The address, if it is one that a person may be led to. */
export function safeUrl(address: string): URL | null {
  try {
    const url = new URL(address);
    return (url.protocol === 'https:' || url.protocol === 'http:') && !url.username && !url.password
      ? url
      : null;
  } catch {
    return null;
  }
}
