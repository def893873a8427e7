import { expect, it } from 'vitest';
import type { Entry, JournalItem } from './api/types';
import { counting, transcript } from './transcript';

const item = (seq: number, attempt: number, entry: Entry): JournalItem => ({
  seq,
  attempt,
  at: `2026-01-01T00:00:${String(seq).padStart(2, '0')}Z`,
  kind: entry.entry,
  entry,
});
const usage = { input_tokens: 100, cached_tokens: 0, output_tokens: 10 };
const begun: Entry = {
  entry: 'begun',
  attempt: 1,
  seat: 'builder',
  step: 'build',
  number: 1,
  role: 'developer',
  model: 'm/x',
  why: '',
};
const asks = (turn: number, name: string, args: unknown): Entry => ({
  entry: 'model_answered',
  turn,
  blocks: [{ text: 'I look.' }, { tool_call: { id: 'c', name, arguments: JSON.stringify(args) } }],
  usage,
  cost: 2_000_000,
  model: 'x',
  wall_ms: 900,
});
const short = (items: JournalItem[]) =>
  transcript(items).lines.map((l) => [l.seq, l.who, l.verb, l.target, l.state, l.result].join('|'));

it('joins a call, its start and its result into one line', () => {
  const items = [
    item(1, 1, begun),
    item(2, 1, { entry: 'model_intended', turn: 1 }),
    item(3, 1, asks(1, 'run_command', { command: 'pytest -q' })),
    item(4, 1, { entry: 'tool_intended', turn: 1, index: 0, effect: 'workspace' }),
  ];
  expect(short(items)).toEqual([
    '1|developer|Takes up build|||m/x',
    '3|developer|says|||',
    '3|developer|runs|pytest -q|running|',
  ]);
  items.push(
    item(5, 1, {
      entry: 'tool_finished',
      turn: 1,
      index: 0,
      text: 'exit code: 1\n\u001b[31m2 failed\u001b[0m, 5 passed',
      is_error: false,
      wall_ms: 1200,
    }),
  );
  expect(short(items).at(-1)).toBe('5|developer|runs|pytest -q|failed|2 failed');
  const read = transcript(items);
  expect([read.cost, read.turns, read.inputTokens, read.outputTokens]).toEqual([0.002, 1, 100, 10]);
  expect(read.steps).toEqual(new Map([['build', 'working']]));
});

it('forgets what was taken back, but not what it cost', () => {
  const items = [
    item(1, 1, begun),
    item(2, 1, asks(1, 'read_file', { path: 'a.py' })),
    item(3, 0, { entry: 'rewound', seq: 1 }),
    item(4, 0, { entry: 'spent', cost: 2_000_000 }),
  ];
  expect(counting(items).map((i) => i.seq)).toEqual([1, 3, 4]);
  expect(transcript(items).cost).toBe(0.002);
  expect(short(items)).toEqual(['1|developer|Takes up build|||m/x', '3|you|Set back to entry 1|||']);
});

it('knows what waits for a person, and when it no longer does', () => {
  const items = [
    item(1, 1, begun),
    item(2, 1, asks(1, 'ask_human', { question: 'Which port?' })),
    item(3, 1, {
      entry: 'tool_finished',
      turn: 1,
      index: 0,
      text: 'asked',
      is_error: false,
      meaning: { question: 'Which port?' },
      wall_ms: 1,
    }),
  ];
  expect(transcript(items).question).toBe('Which port?');
  expect(transcript(items).steps.get('build')).toBe('asking');
  items.push(item(4, 1, { entry: 'answered', text: '8080' }));
  expect(transcript(items).question).toBeNull();
  expect(transcript(items).steps.get('build')).toBe('working');
});

it('shows verdicts of gates on the line that announced them', () => {
  const results = [
    { name: 'tests', verdict: 'passed' as const, summary: '214 passed' },
    { name: 'lint', verdict: 'failed' as const, summary: '1 new' },
  ];
  const read = transcript([
    item(1, 0, { entry: 'gates_intended', round: 1 }),
    item(4, 0, { entry: 'gates_judged', round: 1, results, protected: ['.github/x.yml'] }),
  ]);
  expect(read.lines.map((l) => [l.verb, l.result, l.state, l.ms])).toEqual([
    ['Gates refuse the change', '1 refused, 1 passed', 'failed', 3000],
  ]);
  expect(read.protectedPaths).toEqual(['.github/x.yml']);
});

it('an unknown price makes the sum unknown, and what is not JSON is no reason to stop', () => {
  const odd: Entry = {
    ...(asks(1, 'x', {}) as Extract<Entry, { entry: 'model_answered' }>),
    cost: null,
    blocks: [{ tool_call: { id: '', name: 'mcp__x', arguments: '{' } }],
  };
  const read = transcript([item(1, 1, begun), item(2, 1, odd)]);
  expect(read.cost).toBeNull();
  expect(read.lines.at(-1)).toMatchObject({ verb: 'uses', target: 'mcp__x' });
});

it('an ending halts the steps that were worked on, and going on takes them up again', () => {
  const error = { code: 'model_overloaded', message: 'm', hint: 'h' };
  const items = [item(1, 1, begun), item(2, 0, { entry: 'ended', ending: { state: 'failed', error } })];
  expect(transcript(items).steps.get('build')).toBe('failed');
  expect(transcript(items).ended).toEqual({ state: 'failed', error });
  items.push(item(3, 0, { entry: 'resumed', model: 'm/x', yes: false }));
  expect(transcript(items).steps.get('build')).toBe('working');
  expect(transcript(items).ended).toBeNull();
});

it('knows that a run goes on between an answer and the next stop', () => {
  const stop: Entry = { entry: 'ended', ending: { state: 'needs_input', error: null } };
  const items = [item(1, 1, begun), item(2, 0, stop)];
  expect(transcript(items).goesOn).toBe(false);
  items.push(item(3, 0, { entry: 'answered', text: 'yes' }));
  expect(transcript(items).goesOn).toBe(true);
  items.push(item(4, 0, stop));
  expect(transcript(items).goesOn).toBe(false);
});

it('tells a plan that a person edited or sent back from an answer', () => {
  const plan = {
    summary: 'Say it.',
    title: 'Say',
    steps: [{ id: 'a', title: 'Write', role: 'developer_docs', depends_on: [], acceptance: [] }],
    effort_hours: 1,
    risks: [],
  };
  const said = (text: string, edited?: typeof plan) => {
    const line = transcript([item(1, 0, { entry: 'answered', text, plan: edited })]).lines[0];
    return [line?.verb, line?.body?.text];
  };
  expect(said('the plan, edited', plan)).toEqual(['You edited the plan', 'Say it.\n1. Write (Docs writer)']);
  expect(said('Make another plan: shorter')).toEqual(['You sent the plan back', 'shorter']);
  expect(said('yes')).toEqual(['You answered', 'yes']);
});
