import { expect, it } from 'vitest';
import { freshStep, fromDraft, move, toDraft, without } from './plan-draft';

const plan = {
  summary: 'Export.',
  title: 'Export as CSV',
  steps: [
    { id: 'write', title: 'Write', role: 'developer', depends_on: [], acceptance: ['a', 'b'] },
    { id: 'check', title: 'Check', role: 'developer_qa', depends_on: ['write'], acceptance: [] },
    { id: 'tell', title: 'Tell', role: 'developer_docs', depends_on: ['check'], acceptance: [] },
  ],
  effort_hours: 2,
  risks: ['Commas.'],
};
const shape = (steps: { id: string; depends_on: string[] }[]) =>
  steps.map((s) => `${s.id}<${s.depends_on.join(',')}`);

it('gives back the plan that it was made of', () => expect(fromDraft(toDraft(plan))).toEqual(plan));

it('takes a line for one point, and no empty ones', () => {
  const draft = toDraft(plan);
  draft.risks = ' Quotes. \n\n Large files.';
  expect(fromDraft(draft).risks).toEqual(['Quotes.', 'Large files.']);
});

it('keeps the order of work when a step between two is left out', () =>
  expect(shape(without(toDraft(plan).steps, 'check'))).toEqual(['write<', 'tell<write']));

it('gives a new step an id of its own and lets it begin after the last', () => {
  const steps = [...toDraft(plan).steps, { ...freshStep([]), id: 'step-4' }];
  expect([freshStep(steps).id, freshStep(steps).depends_on]).toEqual(['step-5', ['step-4']]);
});

it('moves a step without changing what it waits for', () =>
  expect(shape(move(toDraft(plan).steps, 2, -1))).toEqual(['write<', 'tell<check', 'check<write']));
