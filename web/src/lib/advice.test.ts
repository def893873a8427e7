import { expect, it } from 'vitest';
import { advice, helpsAgain } from './advice';

it('says what to do on the page where the server speaks of the command line', () =>
  expect(
    advice({
      code: 'turn_limit',
      hint: 'raise it with `aamas runs resume RUN --max-turns …`, or give a smaller task',
    }),
  ).toBe('Give it again with more turns, or as a smaller task.'));

it('keeps a hint that names no command', () =>
  expect(advice({ code: 'turn_limit', hint: 'raise max_turns in the role’s file' })).toBe(
    'raise max_turns in the role’s file',
  ));

it('keeps what it has no better words for', () =>
  expect(advice({ code: 'sandbox_unavailable', hint: '`aamas doctor` shows the fix' })).toBe(
    '`aamas doctor` shows the fix',
  ));

it('offers to give a task again where other limits or words help', () =>
  expect(['stuck', 'turn_limit', 'offline_nothing_fails', 'gates_failed'].map(helpsAgain)).toEqual([
    true,
    true,
    true,
    false,
  ]));
