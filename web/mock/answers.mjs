// How the mock answers: a page of a list, one thing of it, and that there is none.
export const now = () => new Date().toISOString();

export function page(items, query) {
  const limit = Math.min(200, Number(query.get('limit') ?? 50));
  const from = Number(query.get('cursor') ?? 0);
  const next = from + limit < items.length ? String(from + limit) : null;
  return {
    data: {
      items: items.slice(from, from + limit),
      next_cursor: next,
      ...(query.get('total') ? { total: items.length } : {}),
    },
  };
}

export const matches =
  (query, ...names) =>
  (item) =>
    names.every((n) => !query.get(n) || item[n] === query.get(n)) &&
    (!query.get('q') ||
      `${item.title ?? ''} ${item.name ?? ''} ${item.description ?? ''}`
        .toLowerCase()
        .includes(query.get('q').toLowerCase())) &&
    (!query.get('since') || (item.updated_at ?? item.created_at) >= query.get('since'));

export const missing = (fail) =>
  fail(
    404,
    'not_found',
    'There is no such thing',
    'It may have been deleted, or belong to another organization.',
    'Go back to the list.',
  );

export function one(list, key = 'id') {
  return ({ w, fail }, id) => {
    const item = w[list].find((x) => x[key] === id);
    return item ? { data: item } : missing(fail);
  };
}

export function session(w) {
  return { user: w.me, organization: w.organization, role: w.role, permissions: w.permissions, token: null };
}
