import { expect, it } from 'vitest';
import { shortStory } from './description';

it('leaves out what the page shows itself', () =>
  expect(shortStory('## What changed\n\nOne line.\n\n## Files\n\n- a.py\n\n## Gates\n\n|gate|\n')).toBe(
    '## What changed\n\nOne line.',
  ));

it('keeps a short description as it is', () =>
  expect(shortStory('It adds a file.\n')).toBe('It adds a file.\n'));

it('ends before a list that goes on for ever, and not with its heading', () => {
  const list = Array.from({ length: 90 }, (_, i) => `- test ${i}`).join('\n');
  expect(shortStory(`Fixed.\n\n${'\n'.repeat(11)}## Tests\n${list}`)).toBe('Fixed.');
});

it('never ends within a block of code', () => {
  const code = ['```', ...Array.from({ length: 20 }, (_, i) => `${i}`), '```'].join('\n');
  expect(shortStory(`${code}\nAfter it.`)).toBe(code);
});
