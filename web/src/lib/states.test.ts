import { expect, it } from 'vitest';
import type { TaskStatus } from './api/types';
import { taskLook } from './states';

const error = { code: 'run_ends_its_server', message: '', hint: '' };

it('tells why a task waits, and who paused it', () => {
  const said = (status: TaskStatus, more: object, blocked = false) =>
    taskLook({ status, held: false, queued: false, assigned_agent: 'agent_1', error: null, ...more }, blocked)
      .word;
  expect([
    said('submitted', { held: true, assigned_agent: null }),
    said('submitted', { queued: true, assigned_agent: null }),
    said('submitted', { queued: true }, true),
    said('submitted', { queued: true }),
    said('submitted', {}),
    said('working', {}, true),
    said('working', { queued: true, error: { ...error, code: 'run_backs_off' } }),
    said('paused', { held: true, error: { ...error, code: 'paused' } }),
    said('paused', { held: true, error }),
  ]).toEqual([
    'Held',
    'No agent fits',
    'Waits for a task',
    'Queued',
    'To do',
    'Working',
    'Waits after crashes',
    'Paused',
    'Given up',
  ]);
});
