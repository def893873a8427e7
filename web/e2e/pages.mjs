// Every page that is looked at and tested, with what is done on it first.
export function pages(w) {
  const task = (status) => w.tasks.find((t) => t.status === status)?.id ?? 'task_none';
  const plan = w.tasks.find((t) => t.error?.code === 'plan_approval_required')?.id ?? 'task_none';
  const pull = (w.pulls.find((p) => p.status === 'open') ?? w.pulls[0])?.id ?? 'pr_none';
  const list = [
    { name: 'overview', path: '/' },
    { name: 'board', path: '/board' },
    { name: 'board-table', path: '/board?view=table' },
    { name: 'task-working', path: `/tasks/${task('working')}` },
    { name: 'task-question', path: `/tasks/${task('input_required')}` },
    { name: 'task-plan', path: `/tasks/${plan}` },
    { name: 'task-done', path: `/tasks/${task('completed')}` },
    { name: 'task-failed', path: `/tasks/${task('failed')}` },
    { name: 'reviews', path: '/reviews' },
    { name: 'review', path: `/reviews/${pull}` },
    { name: 'projects', path: '/projects' },
    { name: 'project', path: `/projects/${w.projects[0]?.id ?? 'project_none'}` },
    { name: 'agents', path: '/agents' },
    { name: 'agent', path: `/agents/${w.agents[2]?.id ?? 'agent_none'}` },
    { name: 'cost', path: '/cost' },
    { name: 'audit', path: '/audit' },
    { name: 'audit-decisions', path: '/audit/decisions' },
    { name: 'facts', path: '/facts?of=Bugs%20fixed&query=%2Ftasks%3Ftype%3Dfix%26status%3Dcompleted' },
    { name: 'settings', path: '/settings' },
    { name: 'settings-members', path: '/settings/members' },
    { name: 'settings-tokens', path: '/settings/tokens' },
    { name: 'settings-policies', path: '/settings/policies' },
    { name: 'settings-models', path: '/settings/models' },
    { name: 'settings-account', path: '/settings/account' },
    { name: 'dialog-task', path: '/', act: (page) => page.keyboard.press('n') },
    { name: 'dialog-help', path: '/', act: (page) => page.keyboard.press('?') },
    { name: 'dialog-actions', path: '/board', act: (page) => page.keyboard.press('.') },
    {
      name: 'dialog-merge',
      path: `/reviews/${pull}`,
      act: async (page) => {
        await page.getByRole('button', { name: 'Merge…' }).click({ timeout: 2000 });
        await page.getByRole('dialog').waitFor();
      },
    },
    { name: 'missing', path: '/nowhere' },
  ];
  return w.signedIn || w.setupNeeded ? list : [{ name: 'sign-in', path: '/sign-in' }];
}
