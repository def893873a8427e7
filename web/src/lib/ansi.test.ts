import { expect, it } from 'vitest';
import { ansi, plain } from './ansi';
import { clean, honest, oneLine, reveal } from './clean';

const E = '\u001b';

it('shows what a terminal would', () => {
  const cases: [string, ReturnType<typeof ansi>][] = [
    ['plain', [{ text: 'plain' }]],
    [`${E}[31mred${E}[0m no`, [{ text: 'red', color: 1 }, { text: ' no' }]],
    [
      `${E}[1;92mok${E}[22m so${E}[39m!`,
      [{ text: 'ok', bold: true, color: 10 }, { text: ' so', color: 10 }, { text: '!' }],
    ],
    [`${E}[38;5;200mpink${E}[m.`, [{ text: 'pink' }, { text: '.' }]],
    [`${E}[38;2;1;2;3;1mbold`, [{ text: 'bold', bold: true }]],
    [`a${E}]8;;http://x${E}\\link${E}]8;;${E}\\b`, [{ text: 'a' }, { text: 'link' }, { text: 'b' }]],
    [`10%\r50%\r100%\nend`, [{ text: '100%\nend' }]],
    [`a\r\nb\r\n`, [{ text: 'a\nb\n' }]],
    [`${E}[2J${E}[Hx`, [{ text: 'x' }]],
    [`\u0007\u0000x\u202e`, [{ text: 'x' }]],
  ];
  for (const [input, want] of cases) expect(ansi(input), JSON.stringify(input)).toEqual(want);
  expect(plain(`${E}[32mok${E}[0m\n`)).toBe('ok\n');
});

it('hides or shows what could deceive', () => {
  expect(clean('a\u202eb\u200bc\u0000d\te\n')).toBe('abcd\te\n');
  expect(reveal('if (x)\u2066 { //\u2069')).toBe('if (x)\uFFFD { //\uFFFD');
  expect(honest({ a: ['x\u202ey', 1, null], b: { c: `${E}[31m\u200b` } })).toEqual({
    a: ['xy', 1, null],
    b: { c: `${E}[31m` },
  });
  expect(oneLine('  a\n\n b\tc ', 4)).toBe('a b…');
});
