import { BASE, client } from './api/client';
import { ApiError } from './api/error';

/** A run as one file, as the server offers it. */
export type ExportFormat = 'html' | 'atif' | 'json' | 'attestation';

export const EXPORTS: { format: ExportFormat; title: string; what: string }[] = [
  { format: 'html', title: 'Report', what: 'One page for people, which needs nothing else (HTML)' },
  { format: 'atif', title: 'Trajectory', what: 'Each message and tool call, for evaluations (ATIF, JSON)' },
  { format: 'json', title: 'Journal', what: 'Every entry as it was written (JSON lines)' },
  {
    format: 'attestation',
    title: 'Attestation',
    what: 'The signed statement of what was delivered, by whom and how it was judged (in-toto)',
  },
];

/** The name that the server gives a file. */
export function fileName(disposition: string | null, otherwise: string): string {
  return /filename="([^"/\\]+)"/.exec(disposition ?? '')?.[1] ?? otherwise;
}

/**
 * Reads a run as a file. It is no JSON to be read but bytes to be kept, so it goes past the client; making it may take longer than a
 * request, and then the answer is an operation to wait for.
 */
export async function readExport(run: string, format: ExportFormat): Promise<{ blob: Blob; name: string }> {
  const path = `${BASE}/runs/${encodeURIComponent(run)}/export?format=${format}`;
  for (;;) {
    const response = await fetch(path, { credentials: 'same-origin', cache: 'no-store' }).catch(() => {
      throw ApiError.network();
    });
    if (response.status === 202) {
      const { operation_id } = (await response.json()) as { operation_id: string };
      await ended(operation_id);
      continue;
    }
    if (!response.ok)
      throw ApiError.from(
        response.status,
        await response.json().catch(() => undefined),
        response.headers.get('x-request-id'),
      );
    return {
      blob: await response.blob(),
      name: fileName(response.headers.get('content-disposition'), `${run}.${format}`),
    };
  }
}

async function ended(id: string): Promise<void> {
  for (let wait = 400; ; wait = Math.min(wait * 1.5, 5000)) {
    await new Promise((r) => setTimeout(r, wait));
    const operation = await client.get<{
      status: string;
      error?: { code: string; message: string; hint: string } | null;
    }>(`/operations/${encodeURIComponent(id)}`);
    if (operation.status === 'succeeded') return;
    if (operation.status === 'failed')
      throw new ApiError(
        500,
        operation.error?.code ?? 'failed',
        'It could not be exported',
        operation.error?.message ?? 'No reason was given.',
        operation.error?.hint ?? '',
        id,
      );
  }
}

/** Hands a file to the reader's downloads. */
export function keep({ blob, name }: { blob: Blob; name: string }): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
