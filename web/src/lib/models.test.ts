import { expect, test } from 'vitest';
import type { ModelLine } from './api/types';
import { withDefault } from './models';

const line = (id: string, configured: boolean): ModelLine => ({
  id,
  provider: 'p',
  name: id,
  configured,
  input_usd_per_million: 1,
  output_usd_per_million: 2,
  context_tokens: null,
});

test.each([
  ['offline', ['offline', 'b', 'a']],
  ['b', ['b', 'a']],
  ['p/unlisted', ['p/unlisted', 'b', 'a']],
])('with %s as the default', (id, ids) => {
  const models = withDefault({ default: id, providers: [], items: [line('a', false), line('b', true)] });
  expect(models.items.map((m) => m.id)).toEqual(ids);
  expect(models.items.find((m) => m.id === id)?.configured).toBe(true);
  expect(models.items.find((m) => m.id === 'offline')?.note).toBe(
    id === 'offline' ? 'Needs no key and costs nothing: repairs failing tests by search.' : undefined,
  );
});
