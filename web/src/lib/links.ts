const PAGES: Record<string, string> = {
  task: '/tasks/',
  pull_request: '/reviews/',
  pr: '/reviews/',
  project: '/projects/',
  agent: '/agents/',
  run: '/runs/',
};

/** The page of a thing, by its kind and id; null if it has none. */
export function subjectHref(kind: string, id: string): string | null {
  const page = PAGES[kind];
  return page && /^[a-z]+_[0-9a-z]+$/.test(id) ? page + id : null;
}
