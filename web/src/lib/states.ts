import type { Shape } from './ui/Mark.svelte';
import type {
  AgentStatus,
  ProjectStatus,
  PullRequestStatus,
  RunStatus,
  Task,
  TaskStatus,
  Verdict,
} from './api/types';

/** How a state looks and what it is called: shape, word and hue say the same. */
export interface Look {
  shape: Shape;
  word: string;
}

const look = (shape: Shape, word: string): Look => ({ shape, word });

export const TASK: Record<TaskStatus, Look> = {
  submitted: look('idle', 'To do'),
  working: look('working', 'Working'),
  input_required: look('waiting', 'Waiting for you'),
  paused: look('paused', 'Paused'),
  completed: look('done', 'Done'),
  failed: look('failed', 'Failed'),
  canceled: look('off', 'Canceled'),
};

const HELD = look('paused', 'Held');
const QUEUED = look('idle', 'Queued');
const AFTER = look('idle', 'Waits for a task');
const NOBODY = look('waiting', 'No agent fits');
const GIVEN_UP = look('failed', 'Given up');
const PAUSES = look('paused', 'Waits after crashes');

/** How a task stands. Its status alone does not tell why one that has not begun waits, nor who paused one that has. */
export function taskLook(
  t: Pick<Task, 'status' | 'held' | 'queued' | 'assigned_agent' | 'error'>,
  /** A task that it depends on is not done. */
  blocked = false,
): Look {
  if (t.status === 'paused' && t.error?.code === 'run_ends_its_server') return GIVEN_UP;
  if (t.status === 'working' && t.error?.code === 'run_backs_off') return PAUSES;
  if (t.status !== 'submitted') return TASK[t.status];
  if (t.held) return HELD;
  if (!t.assigned_agent) return NOBODY;
  if (blocked) return AFTER;
  return t.queued ? QUEUED : TASK.submitted;
}

export const RUN: Record<RunStatus, Look> = {
  queued: look('idle', 'Queued'),
  running: look('working', 'Running'),
  paused: look('paused', 'Paused'),
  interrupted: look('paused', 'Interrupted'),
  needs_input: look('waiting', 'Needs input'),
  limit_reached: look('waiting', 'Limit reached'),
  failed: look('failed', 'Failed'),
  ready: look('done', 'Ready'),
  no_change: look('done', 'No change'),
  gates_failed: look('failed', 'Gates failed'),
  canceled: look('off', 'Canceled'),
};

export const PULL_REQUEST: Record<PullRequestStatus, Look> = {
  draft: look('idle', 'Draft'),
  open: look('waiting', 'Waiting for review'),
  applied: look('done', 'Applied'),
  merged: look('done', 'Merged'),
  closed: look('off', 'Closed'),
};

export const PROJECT: Record<ProjectStatus, Look> = {
  preparing: look('working', 'Preparing'),
  active: look('done', 'Active'),
  failed: look('failed', 'Failed'),
  archived: look('off', 'Archived'),
};

export const AGENT: Record<AgentStatus, Look> = {
  idle: look('idle', 'Idle'),
  working: look('working', 'Working'),
  offline: look('off', 'Offline'),
  retired: look('off', 'Retired'),
};

export const VERDICT: Record<Verdict, Look> = {
  passed: look('done', 'Passed'),
  failed: look('failed', 'Failed'),
  skipped: look('skipped', 'Skipped'),
  error: look('failed', 'Could not run'),
};

/** Names of the gates as people say them. */
export const GATES: Record<string, string> = {
  tests: 'Tests',
  build: 'Build',
  lint: 'Lint',
  format: 'Format',
  tests_kept: 'Tests kept',
  secrets: 'Secrets',
  diff: 'Diff',
};

/** What each level of the sandbox keeps from the machine. */
export const SANDBOX: Record<string, string> = {
  S0: 'Level S0: nothing keeps commands from the machine',
  S1: 'Level S1: Landlock, seccomp and limits on resources',
  S2: 'Level S2: as S1, in namespaces of its own, without network',
  S3: 'Level S3: as S2, with memory and processes bounded by cgroups',
};
