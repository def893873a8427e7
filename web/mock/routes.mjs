// The HTTP API in memory: what docs/api.md says, as far as the dashboard asks for it.
import { matches, missing, now, one, page } from './answers.mjs';
import { analytics, cost } from './figures.mjs';
import { people } from './people.mjs';
import { makeRun } from './world.mjs';

function taskVerb(status) {
  return ({ w, fail }, id) => {
    const task = w.tasks.find((t) => t.id === id);
    if (!task) return missing(fail);
    return set(w, task, status);
  };
}

const RUN_STATUS = { working: 'running', paused: 'paused', canceled: 'canceled', completed: 'ready' };

function set(w, task, status) {
  task.status = status;
  task.held = status === 'paused';
  task.queued = false;
  task.updated_at = now();
  if (status === 'working') task.error = null;
  const run = w.runs.get(task.run_id);
  if (run) {
    run.status = RUN_STATUS[status] ?? run.status;
    if (status === 'working') run.error = null;
  }
  if (status === 'working' && !task.run_id) makeRun(w, task, 'working', '', 1);
  w.emit(`task.${status}`, task.id, { project_id: task.project_id, task_id: task.id, run_id: task.run_id });
  return { data: task };
}

/** A run as the server shows it: what it keeps of it, and the engine's document within. */
const view = (w) => (run) => ({
  id: run.run_id,
  task_id: run.task_id,
  project_id: run.project_id,
  title: run.task,
  status: run.status,
  model: run.model,
  branch: run.branch,
  journal_seq: w.journals.get(run.run_id)?.at(-1)?.seq ?? 0,
  spent: {
    cost_usd: run.usage.cost_usd,
    limit_usd: null,
    calls: run.turns,
    input_tokens: run.usage.input_tokens,
    output_tokens: run.usage.output_tokens,
  },
  document: run,
  created_at: run.created_at,
  updated_at: run.updated_at,
});

function append(w, run, entry) {
  const journal = w.journals.get(run.run_id);
  const seq = (journal.at(-1)?.seq ?? 0) + 1;
  journal.push({ seq, attempt: 4, at: now(), kind: entry.entry, entry });
  w.emit('run.progressed', run.run_id, {
    project_id: run.project_id,
    task_id: run.task_id,
    run_id: run.run_id,
    seq,
  });
}

function runVerb(act) {
  return (ctx, id) => {
    const run = ctx.w.runs.get(id);
    if (!run) return missing(ctx.fail);
    return act(
      ctx,
      run,
      ctx.w.tasks.find((t) => t.id === run.task_id),
    );
  };
}

function pullVerb(act) {
  return (ctx, id) => {
    const pull = ctx.w.pulls.find((p) => p.id === id);
    if (!pull) return missing(ctx.fail);
    const answer = act(ctx, pull) ?? { data: pull };
    if (!answer.problem) {
      pull.updated_at = now();
      ctx.w.emit('pull_request.updated', pull.id, { project_id: pull.project_id, pull_request_id: pull.id });
    }
    return answer;
  };
}

const WAITS_FOR = {
  question: 'question',
  plan_approval_required: 'plan',
  approval_required: 'approval',
};

/** What a task waits for a person with; null: with nothing. */
function needOf(t) {
  const code = t.error?.code;
  if (t.status === 'input_required') return WAITS_FOR[code] ?? 'input';
  if (t.status === 'failed' || (t.status === 'paused' && code === 'run_ends_its_server')) return 'failed';
  return t.status === 'submitted' && !t.held && !t.assigned_agent ? 'unassigned' : null;
}

/** Everything that waits for a person, newest first. */
function needs(w) {
  const need = (kind, item, more) => ({
    kind,
    title: item.title,
    detail: null,
    id: item.id,
    project_id: item.project_id,
    task_id: item.id,
    run_id: item.run_id,
    pull_request_id: null,
    since: item.updated_at,
    ...more,
  });
  const tasks = w.tasks
    .filter(needOf)
    .map((t) =>
      need(needOf(t), t, { detail: t.error?.message ?? (t.assigned_agent ? null : t.assignment.reason) }),
    );
  const reviews = w.pulls
    .filter((p) => p.status === 'open')
    .map((p) => need('review', p, { task_id: p.task_id, pull_request_id: p.id }));
  return [...tasks, ...reviews].sort((a, b) => b.since.localeCompare(a.since));
}

function newTask(w, project, body) {
  const fix = /fix|bug|wrong/i.test(body.description);
  const agent = w.agents.find((a) => a.type === 'developer');
  const task = {
    id: w.id('task'),
    project_id: project.id,
    number: w.tasks.length + 1,
    title: body.title ?? body.description.split('\n')[0].slice(0, 80),
    description: body.description,
    type: body.type ?? (fix ? 'fix' : 'feature'),
    priority: body.priority ?? 'medium',
    status: 'submitted',
    assigned_agent: agent?.id ?? null,
    assignment: {
      reason: agent ? `${agent.name} is free and knows the stack.` : 'Nobody fits.',
      score: 0.8,
      candidates: [],
    },
    requirements: {},
    dependencies: body.dependencies ?? [],
    estimated_effort: 1,
    effort_interval: { low: 0.5, high: 2 },
    actual_effort: null,
    quality_score: null,
    risk: { level: 'low', reasons: [] },
    due_date: body.due_date ?? null,
    held: body.start === false,
    queued: false,
    run_id: null,
    pull_request_id: null,
    cost_usd: null,
    error: null,
    created_at: now(),
    updated_at: now(),
  };
  w.tasks.unshift(task);
  if (body.start !== false) set(w, task, 'working');
  w.emit('task.created', task.id, { project_id: project.id, task_id: task.id });
  return task;
}

export const routes = [
  ...people,
  [
    'GET',
    /^\/projects$/,
    ({ w, query }) =>
      page(
        w.projects.filter(
          (p) => matches(query, 'status')(p) && (query.get('status') || p.status !== 'archived'),
        ),
        query,
      ),
  ],
  [
    'POST',
    /^\/projects$/,
    ({ w, body, fail }) => {
      if (!body.repository_url)
        return fail(400, 'invalid_request', 'The request is refused', 'repository_url is empty.', '', [
          { field: 'repository_url', message: 'Give an address or a path.' },
        ]);
      const p = {
        id: w.id('project'),
        name: body.name,
        organization_id: w.organization.id,
        repository_url: body.repository_url,
        tech_stack: body.tech_stack ?? [],
        agents_assigned: [],
        configuration: body.configuration ?? {},
        requirements: body.requirements ?? {},
        status: 'preparing',
        status_detail: 'Cloning the repository.',
        created_at: now(),
        updated_at: now(),
      };
      w.projects.unshift(p);
      setTimeout(() => {
        p.status = 'active';
        p.status_detail = null;
        p.tech_stack = ['Python', 'pytest'];
        w.emit('project.prepared', p.id, { project_id: p.id });
      }, 2500).unref();
      return { status: 201, data: p };
    },
  ],
  ['GET', /^\/projects\/([^/]+)$/, one('projects')],
  [
    'PATCH',
    /^\/projects\/([^/]+)$/,
    ({ w, body, fail }, id) => {
      const p = w.projects.find((x) => x.id === id);
      if (!p) return missing(fail);
      Object.assign(p, body, { updated_at: now() });
      return { data: p };
    },
  ],
  [
    'DELETE',
    /^\/projects\/([^/]+)$/,
    ({ w }, id) => {
      const p = w.projects.find((x) => x.id === id);
      if (p) p.status = 'archived';
      return undefined;
    },
  ],
  [
    'GET',
    /^\/projects\/([^/]+)\/agents$/,
    ({ w, query }, id) =>
      page(
        w.agents.filter((a) => w.projects.find((p) => p.id === id)?.agents_assigned.includes(a.id)),
        query,
      ),
  ],
  [
    'GET',
    /^\/projects\/([^/]+)\/tasks$/,
    ({ w, query }, id) =>
      page(
        w.tasks.filter((t) => t.project_id === id).filter(matches(query, 'status', 'type', 'assigned_agent')),
        query,
      ),
  ],
  [
    'POST',
    /^\/projects\/([^/]+)\/tasks$/,
    ({ w, body, fail }, id) => {
      const p = w.projects.find((x) => x.id === id);
      if (!p) return missing(fail);
      return { status: 201, data: newTask(w, p, body) };
    },
  ],
  ['GET', /^\/needs-you$/, ({ w }) => ({ data: { items: needs(w), next_cursor: null } })],
  [
    'GET',
    /^\/tasks$/,
    ({ w, query }) =>
      page(w.tasks.filter(matches(query, 'status', 'type', 'assigned_agent', 'project_id')), query),
  ],
  ['GET', /^\/tasks\/([^/]+)$/, one('tasks')],
  [
    'PATCH',
    /^\/tasks\/([^/]+)$/,
    ({ w, body, fail }, id) => {
      const t = w.tasks.find((x) => x.id === id);
      if (!t) return missing(fail);
      Object.assign(t, body, { updated_at: now() });
      w.emit('task.updated', t.id, { project_id: t.project_id, task_id: t.id });
      return { data: t };
    },
  ],
  ['POST', /^\/tasks\/([^/]+)\/pause$/, taskVerb('paused')],
  ['POST', /^\/tasks\/([^/]+)\/resume$/, taskVerb('working')],
  ['POST', /^\/tasks\/([^/]+)\/retry$/, taskVerb('working')],
  ['POST', /^\/tasks\/([^/]+)\/cancel$/, taskVerb('canceled')],
  [
    'GET',
    /^\/tasks\/([^/]+)\/runs$/,
    ({ w, query }, id) => page([...w.runs.values()].filter((r) => r.task_id === id).map(view(w)), query),
  ],
  [
    'GET',
    /^\/runs$/,
    ({ w, query }) =>
      page([...w.runs.values()].filter(matches(query, 'status', 'project_id')).map(view(w)), query),
  ],
  [
    'GET',
    /^\/runs\/([^/]+)$/,
    ({ w, fail }, id) => (w.runs.has(id) ? { data: view(w)(w.runs.get(id)) } : missing(fail)),
  ],
  [
    'GET',
    /^\/runs\/([^/]+)\/journal$/,
    ({ w, query, fail }, id) => {
      const journal = w.journals.get(id);
      if (!journal) return missing(fail);
      const after = Number(query.get('after') ?? 0);
      const limit = Math.min(1000, Number(query.get('limit') ?? 200));
      const items = journal.filter((e) => e.seq > after).slice(0, limit);
      return { data: { items, next_cursor: items.length === limit ? String(items.at(-1).seq) : null } };
    },
  ],
  [
    'GET',
    /^\/runs\/([^/]+)\/outputs\/([^/]+)$/,
    () => ({ text: Array.from({ length: 220 }, (_, i) => `line ${i + 1} of the full output`).join('\n') }),
  ],
  [
    'POST',
    /^\/runs\/([^/]+)\/steer$/,
    runVerb(({ w, body }, run) => {
      append(w, run, { entry: 'steered', text: body.message });
      return { status: 202, data: {} };
    }),
  ],
  [
    'POST',
    /^\/runs\/([^/]+)\/answer$/,
    runVerb(({ w, body }, run, task) => {
      append(w, run, { entry: 'answered', text: body.message });
      set(w, task, 'working');
      return { status: 202, data: {} };
    }),
  ],
  ['POST', /^\/runs\/([^/]+)\/pause$/, runVerb(({ w }, run, task) => set(w, task, 'paused'))],
  ['POST', /^\/runs\/([^/]+)\/resume$/, runVerb(({ w }, run, task) => set(w, task, 'working'))],
  ['POST', /^\/runs\/([^/]+)\/cancel$/, runVerb(({ w }, run, task) => set(w, task, 'canceled'))],
  [
    'POST',
    /^\/runs\/([^/]+)\/fork$/,
    runVerb(({ w, body }, run, task) => {
      const p = w.projects.find((x) => x.id === run.project_id);
      const t = newTask(w, p, {
        description: task.description,
        title: `${task.title} (fork)`,
        model: body.model,
      });
      return { status: 201, data: { task_id: t.id, run_id: t.run_id } };
    }),
  ],
  [
    'POST',
    /^\/runs\/([^/]+)\/replay$/,
    runVerb(({ w }, run) => ({
      data: {
        identical: true,
        entries: w.journals.get(run.run_id).length,
        first_difference: null,
        notes: ['what the gates said is taken from the record'],
      },
    })),
  ],
  [
    'GET',
    /^\/runs\/([^/]+)\/export$/,
    runVerb(({ w, query }, run) => {
      const format = query.get('format') ?? 'atif';
      // The journal takes longer than a request: its first answer is an operation to wait for.
      if (format === 'json' && !w.exported) {
        w.exported = true;
        return { status: 202, data: { operation_id: w.id('operation') } };
      }
      const [type, end] = {
        atif: ['application/json', 'atif.json'],
        html: ['text/html; charset=utf-8', 'html'],
        json: ['application/x-ndjson', 'journal.jsonl'],
        attestation: ['application/vnd.in-toto+json', 'intoto.json'],
      }[format];
      return {
        text: w.journals
          .get(run.run_id)
          .map((e) => JSON.stringify(e))
          .join('\n'),
        headers: {
          'content-type': type,
          'content-disposition': `attachment; filename="${run.run_id}.${end}"`,
        },
      };
    }),
  ],
  ['GET', /^\/operations\/([^/]+)$/, (_, id) => ({ data: { id, status: 'succeeded', result: {} } })],
  ['GET', /^\/runs\/([^/]+)\/gates$/, ({ w, query }, id) => page(w.runs.get(id)?.gates ?? [], query)],
  [
    'GET',
    /^\/plans\/([^/]+)$/,
    ({ w, fail }, id) => (w.runs.get(id)?.plan ? { data: w.runs.get(id).plan } : missing(fail)),
  ],
  [
    'POST',
    /^\/plans\/([^/]+)\/approve$/,
    runVerb(({ w }, run, task) => {
      append(w, run, { entry: 'answered', text: 'yes' });
      return set(w, task, 'working');
    }),
  ],
  [
    'POST',
    /^\/plans\/([^/]+)\/reject$/,
    runVerb(({ w, body }, run, task) => {
      append(w, run, { entry: 'answered', text: `Make another plan: ${body.message}` });
      return set(w, task, 'working');
    }),
  ],
  [
    'PUT',
    /^\/plans\/([^/]+)$/,
    runVerb(({ w, body, fail }, run, task) => {
      const empty = body.steps.find((s) => !s.title);
      if (empty) return fail(422, 'invalid', 'The request is refused', `step ${empty.id} has no title`, '');
      append(w, run, { entry: 'answered', text: 'the plan, edited', plan: body });
      run.plan = { ...run.plan, ...body };
      set(w, task, 'working');
      return { status: 204 };
    }),
  ],
  ['GET', /^\/artifacts$/, ({ query }) => page([], query)],
  [
    'GET',
    /^\/pull-requests$/,
    ({ w, query }) => page(w.pulls.filter(matches(query, 'status', 'project_id')), query),
  ],
  ['GET', /^\/pull-requests\/([^/]+)$/, one('pulls')],
  [
    'GET',
    /^\/pull-requests\/([^/]+)\/diff$/,
    ({ w, fail }, id) => (w.diffs.has(id) ? { text: w.diffs.get(id) } : missing(fail)),
  ],
  [
    'GET',
    /^\/pull-requests\/([^/]+)\/comments$/,
    ({ w, query }, id) => page(w.pulls.find((p) => p.id === id)?.comments ?? [], query),
  ],
  [
    'POST',
    /^\/pull-requests\/([^/]+)\/comments$/,
    pullVerb(({ w, body }, pull) => {
      const c = {
        id: w.id('comment'),
        author: w.me.name,
        path: body.path ?? null,
        line: body.line ?? null,
        body: body.body,
        resolved: false,
        at: now(),
      };
      pull.comments = [...pull.comments, c];
      return { status: 201, data: c };
    }),
  ],
  [
    'POST',
    /^\/pull-requests\/([^/]+)\/request-changes$/,
    pullVerb(({ w }, pull) => {
      pull.status = 'draft';
      const task = w.tasks.find((t) => t.id === pull.task_id);
      set(w, task, 'working');
      return { status: 201, data: { run_id: task.run_id, task_id: task.id } };
    }),
  ],
  [
    'POST',
    /^\/pull-requests\/([^/]+)\/approve$/,
    pullVerb(({ w }, pull) => {
      pull.approvals = [...pull.approvals, { author: w.me.name, head_commit: pull.head_commit, at: now() }];
      return { data: pull };
    }),
  ],
  [
    'POST',
    /^\/pull-requests\/([^/]+)\/merge$/,
    pullVerb(({ body, fail }, pull) => {
      if (body.confirm !== pull.title)
        return fail(
          422,
          'confirmation_mismatch',
          'The title does not match',
          'confirm has to be the title of the pull request.',
          'Type it as it is shown.',
        );
      if (!pull.gates.every((g) => g.verdict === 'passed' || g.verdict === 'skipped'))
        return fail(
          409,
          'gates_failed',
          'Gates refuse the change',
          'lint failed.',
          'Send it back to the agents.',
        );
      pull.status = 'merged';
      return { data: pull };
    }),
  ],
  [
    'POST',
    /^\/pull-requests\/([^/]+)\/close$/,
    pullVerb((_, pull) => {
      pull.status = 'closed';
      return { data: pull };
    }),
  ],
  ['GET', /^\/agents$/, ({ w, query }) => page(w.agents.filter(matches(query, 'status', 'type')), query)],
  ['GET', /^\/agents\/([^/]+)$/, one('agents')],
  [
    'POST',
    /^\/agents$/,
    ({ w, body }) => {
      const a = {
        id: w.id('agent'),
        specialization: null,
        capabilities: [],
        model_version: null,
        current_projects: [],
        current_tasks: [],
        performance_metrics: {
          tasks_completed: 0,
          tasks_failed: 0,
          success_rate: null,
          average_turn_seconds: null,
          average_cost_usd: null,
          error_rate: null,
        },
        status: 'idle',
        last_active: null,
        created_at: now(),
        ...body,
      };
      w.agents.push(a);
      return { status: 201, data: a };
    },
  ],
  [
    'PATCH',
    /^\/agents\/([^/]+)$/,
    ({ w, body, fail }, id) => {
      const a = w.agents.find((x) => x.id === id);
      if (!a) return missing(fail);
      Object.assign(a, body);
      return { data: a };
    },
  ],
  [
    'DELETE',
    /^\/agents\/([^/]+)$/,
    ({ w }, id) => {
      const a = w.agents.find((x) => x.id === id);
      if (a) a.status = 'retired';
      return undefined;
    },
  ],
  ['GET', /^\/cost$/, ({ w, query }) => ({ data: cost(w, query) })],
  [
    'GET',
    /^\/analytics\/dashboard\/([^/]+)$/,
    ({ w, query }) => ({ data: analytics(w, query.get('timeframe') ?? '7d') }),
  ],
  [
    'GET',
    /^\/audit$/,
    ({ w, query }) =>
      page(
        w.audit.filter(
          (e) =>
            (!query.get('actor') ||
              `${e.actor.name} ${e.actor.id}`.toLowerCase().includes(query.get('actor').toLowerCase())) &&
            (!query.get('action') || e.action === query.get('action')) &&
            (!query.get('subject') || e.subject?.id === query.get('subject')),
        ),
        query,
      ),
  ],
  [
    'GET',
    /^\/audit\/checkpoints$/,
    ({ w, query }) =>
      page(
        w.audit.length
          ? [
              {
                id: w.id('checkpoint'),
                seq: w.audit[0].seq,
                at: w.audit[0].at,
                hash: w.audit[0].hash,
                key_id: 'ed25519:4f2a',
              },
            ]
          : [],
        query,
      ),
  ],
  [
    'POST',
    /^\/audit\/verify$/,
    ({ w }) => ({
      data: { valid: true, entries: w.audit[0]?.seq ?? 0, checkpoints: 12, first_problem: null },
    }),
  ],
  ['GET', /^\/receipts$/, ({ w, query }) => page(w.receipts.filter(matches(query, 'decision')), query)],
  ['GET', /^\/models$/, ({ w }) => ({ data: w.models })],
  [
    'POST',
    /^\/tickets$/,
    () => ({
      status: 201,
      data: { ticket: 'ticket_x', expires_at: new Date(Date.now() + 60_000).toISOString() },
    }),
  ],
];
