import { client } from './api/client';
import { ApiError } from './api/error';
import type { ModelLine, Models } from './api/types';

/** The models that can be chosen; null if this server does not say, and its own choice holds. */
export async function readModels(): Promise<Models | null> {
  try {
    return withDefault(await client.get<Models>('/models'));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

const OFFLINE = {
  name: 'Offline engine',
  note: 'Needs no key and costs nothing: repairs failing tests by search.',
  input_usd_per_million: 0,
  cached_usd_per_million: 0,
  output_usd_per_million: 0,
} as const;

/** What can be used first, and among it the server's own choice, which need not have a listed price. */
export function withDefault(models: Models): Models {
  const items = [...models.items].sort((a, b) => Number(b.configured) - Number(a.configured));
  const unlisted: ModelLine = {
    id: models.default,
    provider: models.default.split('/')[0] ?? '',
    name: models.default,
    configured: true,
    note: null,
    input_usd_per_million: null,
    cached_usd_per_million: null,
    output_usd_per_million: null,
    context_tokens: null,
  };
  if (models.default && !items.some((m) => m.id === models.default)) items.unshift(unlisted);
  return { ...models, items: items.map((m) => (m.id === 'offline' ? { ...m, ...OFFLINE } : m)) };
}

/** What keeps a provider from being used; its name stands beside it already. */
export const missingKey = (provider: Models['providers'][number]): string =>
  (provider.hint ?? 'No key is configured.').replace(/^\S+ needs a key, and /, '');
