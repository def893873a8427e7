import { expect, it, test } from 'vitest';
import { inline, markdown, safeUrl } from './markdown';

it('reads the usual things', () => {
  const source = [
    '# Fix rounding',
    '',
    'Round *half* up, in **cents**:',
    '',
    '- `a.py`',
    '- b',
    '1. one',
    '',
    '```py',
    '<b>x</b>',
    '```',
    '> said',
    '---',
  ].join('\n');
  expect(markdown(source)).toEqual([
    { kind: 'heading', level: 1, inline: [{ kind: 'text', text: 'Fix rounding' }] },
    {
      kind: 'paragraph',
      inline: [
        { kind: 'text', text: 'Round ' },
        { kind: 'em', text: 'half' },
        { kind: 'text', text: ' up, in ' },
        { kind: 'strong', text: 'cents' },
        { kind: 'text', text: ':' },
      ],
    },
    {
      kind: 'list',
      ordered: false,
      items: [[{ kind: 'code', text: 'a.py' }], [{ kind: 'text', text: 'b' }]],
    },
    { kind: 'list', ordered: true, items: [[{ kind: 'text', text: 'one' }]] },
    { kind: 'code', language: 'py', text: '<b>x</b>' },
    { kind: 'quote', inline: [{ kind: 'text', text: 'said' }] },
    { kind: 'rule' },
  ]);
});

it('leads nowhere that it should not', () => {
  const text = (s: string) => [{ kind: 'text', text: s }];
  expect(inline('[x](javascript:alert(1))')).toEqual(text('[x](javascript:alert(1))'));
  expect(inline('[x](data:text/html,a)')).toEqual(text('[x](data:text/html,a)'));
  expect(inline('![p](https://e.com/p.png)')).toEqual([
    { kind: 'text', text: '!' },
    { kind: 'link', text: 'p', href: 'https://e.com/p.png', host: 'e.com' },
  ]);
  expect(inline('<img src=x onerror=y>')).toEqual(text('<img src=x onerror=y>'));
  expect(inline('see https://a.b/c, and')).toEqual([
    { kind: 'text', text: 'see ' },
    { kind: 'link', text: 'https://a.b/c', href: 'https://a.b/c', host: 'a.b' },
    { kind: 'text', text: ', and' },
  ]);
  expect(safeUrl('https://bank.com@evil.com/')).toBeNull();
  expect(inline('snake_case_name and 2*3*4')).toEqual(text('snake_case_name and 2*3*4'));
});

test('tables', () => {
  const text = (s: string) => (s ? [{ kind: 'text', text: s }] : []);
  expect(
    markdown('a\n| gate | verdict | |\n|---|:--:|---|\n| tests | a \\| b | `c` |\n| build |\nend'),
  ).toEqual([
    { kind: 'paragraph', inline: text('a') },
    {
      kind: 'table',
      head: [text('gate'), text('verdict'), []],
      rows: [
        [text('tests'), text('a | b'), [{ kind: 'code', text: 'c' }]],
        [text('build'), [], []],
      ],
    },
    { kind: 'paragraph', inline: text('end') },
  ]);
  expect(markdown('| no table')[0]?.kind).toBe('paragraph');
});
