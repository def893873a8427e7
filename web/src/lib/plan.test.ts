import { expect, it } from 'vitest';
import { layout } from './plan';

const step = (id: string, ...depends_on: string[]) => ({ id, title: id, role: 'developer', depends_on });
const places = (steps: ReturnType<typeof step>[]) =>
  layout(steps)
    .nodes.map((n) => `${n.step.id}@${n.column},${n.row}`)
    .join(' ');

it('puts each step to the right of what it needs', () => {
  expect(places([step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')])).toBe(
    'a@0,0 b@1,0 c@1,1 d@2,0',
  );
  expect(places([step('d', 'c'), step('c')])).toBe('c@0,0 d@1,0');
  expect(places([])).toBe('');
});

it('leaves out arrows that follow from others, and what does not exist', () => {
  expect(layout([step('a'), step('b', 'a'), step('c', 'a', 'b', 'ghost')]).edges).toEqual([
    ['a', 'b'],
    ['b', 'c'],
  ]);
});

it('ends on a circle, which the server would have refused', () => {
  expect(layout([step('a', 'b'), step('b', 'a')]).nodes.length).toBe(2);
});

it('copes with the largest plans', () => {
  const steps = Array.from({ length: 400 }, (_, i) =>
    step(`s${i}`, ...(i ? [`s${i - 1}`] : []), ...(i > 9 ? [`s${i - 10}`] : [])),
  );
  expect(layout(steps).columns).toBe(400);
});
