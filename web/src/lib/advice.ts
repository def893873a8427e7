import type { Problem } from './api/types';

/** What to do here about an ending. The server's own hints speak of the command line, which nobody has at hand on a page. */
const HERE: Record<string, string> = {
  interrupted: 'Nothing is lost: it goes on where it was.',
  paused: 'Nothing is lost: it goes on where it was.',
  canceled: 'What was made so far stays in the journal.',
  question: 'It goes on with your answer.',
  approval_required: 'Approve it, refuse it, or say what should happen instead.',
  plan_approval_required: 'Approve the plan, change it, or say what should be different.',
  gates_failed:
    'The branch is kept, with its pull request as a draft: the review shows what the gates found.',
  review_not_approved: 'The branch is kept, with its pull request as a draft: the review shows the comments.',
  plan_not_approved: 'Give it again in other words, or to one developer without a team.',
  turn_limit: 'Give it again with more turns, or as a smaller task.',
  budget_limit: 'Give it again with a larger budget, or as a smaller task.',
  time_limit: 'Try it again, or give a smaller task.',
  stuck: 'Give it again in other words, or to another model.',
};

/** Where the same task with other words, limits or another model is what helps. */
const AGAIN = /^(turn_limit|budget_limit|token_limit|stuck|plan_not_approved|offline_.*)$/;

export function advice(error: Pick<Problem, 'code' | 'hint'>): string {
  const hint = error.hint ?? '';
  // A hint without a command says more than we know.
  if (hint && !hint.includes('`aamas ') && !hint.includes('--yes')) return hint;
  if (error.code.startsWith('offline_'))
    return 'The offline engine repairs failing tests. For anything else, give it again with a model; models are configured where the server starts.';
  return HERE[error.code] ?? hint;
}

export const helpsAgain = (code: string): boolean => AGAIN.test(code);
