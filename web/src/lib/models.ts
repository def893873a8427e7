import { client } from './api/client';
import { ApiError } from './api/error';
import type { Models } from './api/types';

/** The models that can be chosen; null if this server does not say, and its own choice holds. */
export async function readModels(): Promise<Models | null> {
  try {
    return withDefault(await client.get<Models>('/models'));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** What can be used first, and among it the server's own choice, which need not have a listed price. */
export function withDefault(models: Models): Models {
  const listed = models.items.some((m) => m.id === models.default);
  const items = [...models.items].sort((a, b) => Number(b.configured) - Number(a.configured));
  if (listed || !models.default) return { ...models, items };
  const offline = models.default === 'offline';
  return {
    ...models,
    items: [
      {
        id: models.default,
        provider: models.default.split('/')[0] ?? '',
        name: offline ? 'Offline engine' : models.default,
        configured: true,
        note: offline ? 'Needs no key and costs nothing: repairs failing tests by search.' : null,
        input_usd_per_million: offline ? 0 : null,
        cached_usd_per_million: offline ? 0 : null,
        output_usd_per_million: offline ? 0 : null,
        context_tokens: null,
      },
      ...items,
    ],
  };
}
