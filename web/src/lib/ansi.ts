import { clean } from './clean';

/** A stretch of a command's output in one look. */
export interface Span {
  text: string;
  /** 0 to 15: the terminal's palette. */
  color?: number;
  bold?: boolean;
  dim?: boolean;
}

const ESC = '\u001b';

/**
 * What a terminal would show: SGR colors as spans, a lone carriage return as writing over the line, every other escape sequence dropped.
 * 256 and true colors are read over and not shown: contrast could not be promised.
 */
export function ansi(text: string): Span[] {
  const spans: Span[] = [];
  let look: Omit<Span, 'text'> = {};
  const push = (part: string) => {
    const shown = clean(part);
    if (shown) spans.push({ text: shown, ...look });
  };
  const lines = overwritten(text);
  // CSI …final, OSC … BEL or ST, and two-byte escapes.
  const sequence = new RegExp(
    `${ESC}(?:\\[([0-9;:?<=>]*)[ -/]*([@-~])|\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)?|[@-Z\\\\-_])`,
    'g',
  );
  let from = 0;
  for (const match of lines.matchAll(sequence)) {
    push(lines.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === 'm') look = sgr(look, match[1] ?? '');
  }
  push(lines.slice(from));
  return spans;
}

/** Without any color, for searching and copying. */
export function plain(text: string): string {
  return ansi(text)
    .map((s) => s.text)
    .join('');
}

function overwritten(text: string): string {
  if (!text.includes('\r')) return text;
  return text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .map((line) => line.slice(line.replace(/\r+$/, '').lastIndexOf('\r') + 1))
    .join('\n');
}

function sgr(look: Omit<Span, 'text'>, parameters: string): Omit<Span, 'text'> {
  const codes = parameters === '' ? [0] : parameters.split(/[;:]/).map(Number);
  let next = { ...look };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 22) {
      delete next.bold;
      delete next.dim;
    } else if (code >= 30 && code <= 37) next.color = code - 30;
    else if (code >= 90 && code <= 97) next.color = code - 90 + 8;
    else if (code === 39) delete next.color;
    else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : codes[i + 1] === 2 ? 4 : 0;
  }
  return next;
}
