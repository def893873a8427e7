import { expect, it } from 'vitest';
import { highlight, languageOf, overlay } from './highlight';

it('colors what it knows and leaves the rest', () => {
  const py = languageOf('src/a.py');
  expect(highlight('def f(x): return 1.5 # no', py)).toEqual([
    ['def', 'keyword'],
    [' ', ''],
    ['f', 'name'],
    ['(x): ', ''],
    ['return', 'keyword'],
    [' ', ''],
    ['1.5', 'number'],
    [' ', ''],
    ['# no', 'comment'],
  ]);
  expect(highlight(`let s = "// not" + 'a';`, languageOf('a.ts'))).toEqual([
    ['let', 'keyword'],
    [' s = ', ''],
    ['"// not"', 'string'],
    [' + ', ''],
    ["'a'", 'string'],
    [';', ''],
  ]);
  expect(highlight("fn f<'a>(x: &'a str)", languageOf('a.rs'))[0]).toEqual(['fn', 'keyword']);
  expect(languageOf('LICENSE')).toBeNull();
  expect(highlight('any # thing', null)).toEqual([['any # thing', '']]);
});

it('keeps every character', () => {
  const lines = ['', '   ', 'a `b', '"open', '/* x', "it's", 'x = {1: "é"}', '\tfoo(bar)'];
  for (const path of ['a.ts', 'a.py', 'a.rs', 'a.sql', 'a.html', 'a.sh'])
    for (const line of lines)
      expect(
        highlight(line, languageOf(path))
          .map((t) => t[0])
          .join(''),
      ).toBe(line);
});

it('lays changes over colors', () => {
  expect(
    overlay(
      [
        ['let', 'keyword'],
        [' ab', ''],
      ],
      [
        ['let a', false],
        ['b', true],
      ],
    ),
  ).toEqual([
    ['let', 'keyword', false],
    [' a', '', false],
    ['b', '', true],
  ]);
});
