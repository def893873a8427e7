import { expect, it } from 'vitest';
import { sameWords } from './clean';

it.each([
  ['Add a guide...', 'Add a guide…', true],
  ["Don't round", 'Don’t round', true],
  ['Use  a-b ', 'Use a–b', true],
  ['add a guide…', 'Add a guide…', false],
  ['', 'Add a guide…', false],
])('%j for %j: %s', (typed, shown, same) => expect(sameWords(typed, shown)).toBe(same));
