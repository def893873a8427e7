import { client } from './api/client';
import { ApiError } from './api/error';
import type { Models } from './api/types';

/** The models that can be chosen; null if this server does not say, and its own choice holds. */
export async function readModels(): Promise<Models | null> {
  try {
    return await client.get<Models>('/models');
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
