/** What a server said was wrong, or that there is no server: always what, why, what to do, and an id to quote. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly hint: string,
    readonly requestId: string | null,
    readonly errors: { field: string; message: string }[] = [],
  ) {
    super(detail || title);
  }

  /** The message about one field, if the server refused it. */
  field(name: string): string | undefined {
    return this.errors.find((e) => e.field === name || e.field.startsWith(`${name}.`))?.message;
  }

  static network(): ApiError {
    return new ApiError(
      0,
      'network',
      'The server can’t be reached',
      'No answer came back. The server may have stopped, or the connection to it is down.',
      'Check that `aamas serve` runs, then try again. Nothing that was saved is lost.',
      null,
    );
  }

  /** Reads a problem document; copes with an answer that isn't one, such as a proxy's page. */
  static from(status: number, body: unknown, requestId: string | null): ApiError {
    const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    const text = (key: string): string => (typeof problem[key] === 'string' ? (problem[key] as string) : '');
    const errors = Array.isArray(problem.errors)
      ? (problem.errors as { field?: unknown; message?: unknown }[]).map((e) => ({
          field: String(e.field ?? ''),
          message: String(e.message ?? ''),
        }))
      : [];
    return new ApiError(
      status,
      text('code') || `http_${status}`,
      text('title') || `The server answered ${status}`,
      text('detail') || 'The answer had no explanation.',
      text('hint') || (status >= 500 ? 'Try again. If it stays, look at the server’s log for the id.' : ''),
      text('request_id') || requestId,
      errors,
    );
  }
}

/** Any thrown thing as an `ApiError`, for showing. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError(0, 'client', 'The page failed', message, 'Reload the page.', null);
}
