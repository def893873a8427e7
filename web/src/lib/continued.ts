import type { PullRequest } from './api/types';

type Known = Pick<PullRequest, 'id' | 'status' | 'base_commit' | 'head_commit' | 'project_id'>;

const undecided = (p: Known): boolean => p.status === 'open' || p.status === 'draft';

/**
 * The pull request that goes on where this one ends: what agents made of the comments on it. It contains this one, so it is the one to
 * decide on. Once this one is merged, others begin at its end as they begin at any commit.
 */
export function continuation<T extends Known>(p: Known, all: T[]): T | undefined {
  if (!undecided(p)) return undefined;
  return all.find(
    (o) =>
      o.id !== p.id &&
      o.project_id === p.project_id &&
      o.status !== 'closed' &&
      o.base_commit === p.head_commit,
  );
}

/** The undecided pull request that this one goes on from. */
export function origin<T extends Known>(p: Known, all: T[]): T | undefined {
  return all.find(
    (o) => o.id !== p.id && o.project_id === p.project_id && undecided(o) && o.head_commit === p.base_commit,
  );
}
