// The facts of each scenario. Random numbers come from a seed, so that pictures can be compared.
import { DIFF } from './diff.mjs';
import { GATES, PLAN, teamRun } from './journal.mjs';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const PERMISSIONS = {
  owner: [
    'organization.update',
    'projects.create',
    'projects.update',
    'projects.delete',
    'tasks.create',
    'tasks.update',
    'tasks.control',
    'runs.steer',
    'runs.control',
    'runs.fork',
    'runs.replay',
    'runs.export',
    'plans.approve',
    'pull_requests.comment',
    'pull_requests.approve',
    'pull_requests.merge',
    'pull_requests.close',
    'agents.create',
    'agents.update',
    'agents.delete',
    'members.read',
    'members.manage',
    'invitations.manage',
    'tokens.read',
    'tokens.manage',
    'policies.read',
    'policies.manage',
    'audit.read',
    'audit.verify',
    'audit.export',
    'receipts.read',
    'cost.read',
    'models.read',
  ],
  viewer: ['cost.read', 'models.read'],
};

const TITLES = [
  ['fix', 'Fix rounding in invoices'],
  ['feature', 'Add CSV export of invoices'],
  ['chore', 'Upgrade serde to 1.0.228'],
  ['refactor', 'Move tax rates into a table'],
  ['test', 'Cover the retry of webhooks'],
  ['docs', 'Describe the import format'],
  ['feature', 'Let customers pay by direct debit'],
  ['fix', 'Reminders go out on Sundays'],
  ['fix', 'Search ignores umlauts'],
  ['feature', 'Show open amounts on the start page'],
  ['chore', 'Drop Python 3.9'],
  ['refactor', 'Split the order service'],
];

export function world(scenario) {
  const now = Date.now();
  let seed = 7;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  let n = 0;
  const id = (kind) => {
    let tail = '';
    let v = ++n;
    for (let i = 0; i < 8; i++) {
      tail = ALPHABET[v % 32] + tail;
      v = Math.floor(v / 32) + (i === 0 ? 7919 * n : 0);
    }
    return `${kind}_01k3zq8vn4t0000000${tail}`;
  };
  const iso = (ms) => new Date(ms).toISOString();
  const long = scenario === 'long';
  const grow = (text) =>
    long
      ? `${text} in the accounts receivable subsystem of the ACME_International_Holdings_GmbH_and_Co_KG_Rechnungswesen module, including its reports`
      : text;

  const me = {
    id: id('user'),
    name: long ? 'Maximiliane-Alexandra von Hohenzollern-Sigmaringen' : 'Ada Winter',
    email: long ? 'maximiliane-alexandra.von.hohenzollern@accounting.example.com' : 'ada@example.com',
    totp: false,
  };
  const organization = {
    id: id('org'),
    name: long ? 'ACME International Holdings and Shipping Company of the North' : 'Harbor Software',
    role: 'owner',
    branding: { name: null, accent: null, logo_url: null },
    created_at: iso(now - 90 * DAY),
  };
  const w = {
    scenario,
    now,
    me,
    organization,
    role: 'owner',
    signedIn: scenario !== 'out' && scenario !== 'setup',
    setupNeeded: scenario === 'setup',
    projects: [],
    agents: [],
    tasks: [],
    runs: new Map(),
    journals: new Map(),
    pulls: [],
    diffs: new Map(),
    audit: [],
    receipts: [],
    policies: [],
    tokens: [],
    invitations: [],
    members: [],
    sessions: [],
    id,
    iso,
    organizations: [organization],
  };
  w.sessions.push({
    id: id('session'),
    created_at: iso(now - 2 * HOUR),
    last_used_at: iso(now),
    expires_at: iso(now + 12 * HOUR),
    user_agent: 'Firefox 145 on Linux',
    address: '127.0.0.1',
    current: true,
  });
  w.members.push({
    user_id: me.id,
    name: me.name,
    email: me.email,
    role: 'owner',
    joined_at: iso(now - 90 * DAY),
    last_active: iso(now),
  });
  w.models = {
    default: 'anthropic/claude-sonnet-4-5',
    providers: [
      { id: 'anthropic', name: 'Anthropic', configured: true },
      {
        id: 'openai',
        name: 'OpenAI',
        configured: false,
        hint: 'Set OPENAI_API_KEY where `aamas serve` starts.',
      },
      { id: 'ollama', name: 'Ollama', configured: false, hint: 'Set OLLAMA_HOST.' },
      { id: 'offline', name: 'Offline engine', configured: true },
    ],
    items: [
      {
        id: 'anthropic/claude-sonnet-4-5',
        provider: 'anthropic',
        name: 'Claude Sonnet 4.5',
        configured: true,
        input_usd_per_million: 3,
        cached_usd_per_million: 0.3,
        output_usd_per_million: 15,
        context_tokens: 200_000,
      },
      {
        id: 'anthropic/claude-haiku-4-5',
        provider: 'anthropic',
        name: 'Claude Haiku 4.5',
        configured: true,
        input_usd_per_million: 1,
        cached_usd_per_million: 0.1,
        output_usd_per_million: 5,
        context_tokens: 200_000,
      },
      {
        id: 'openai/gpt-5.1',
        provider: 'openai',
        name: 'GPT-5.1',
        configured: false,
        input_usd_per_million: 1.25,
        cached_usd_per_million: 0.125,
        output_usd_per_million: 10,
        context_tokens: 400_000,
      },
      {
        id: 'offline',
        provider: 'offline',
        name: 'Offline engine',
        configured: true,
        input_usd_per_million: 0,
        output_usd_per_million: 0,
        context_tokens: null,
        note: 'Repairs failing tests by search; no key needed.',
      },
    ],
  };
  if (scenario === 'setup' || scenario === 'empty') return w;

  // Agents.
  const AGENTS = [
    ['Technical lead', 'technical_lead', null, ['planning', 'estimation']],
    ['Architect', 'architecture', null, ['boundaries', 'dependencies']],
    ['Backend developer', 'developer', 'backend', ['python', 'rust', 'sql']],
    ['Frontend developer', 'developer', 'frontend', ['typescript', 'svelte', 'css']],
    ['Data developer', 'developer', 'data', ['python', 'csv', 'sql']],
    ['Test developer', 'developer', 'qa', ['pytest', 'mutation']],
    ['Security developer', 'developer', 'security', ['secrets', 'semgrep']],
    ['Reviewer', 'reviewer', null, ['review']],
  ];
  for (const [i, [name, type, specialization, capabilities]] of AGENTS.entries()) {
    const completed = 12 + Math.floor(random() * 40);
    const failed = Math.floor(random() * 6);
    w.agents.push({
      id: id('agent'),
      name: grow(name),
      type,
      specialization,
      model_version: i === 6 ? 'offline' : 'anthropic/claude-sonnet-4-5',
      capabilities,
      current_projects: [],
      current_tasks: [],
      performance_metrics:
        scenario === 'one'
          ? {
              tasks_completed: 0,
              tasks_failed: 0,
              success_rate: null,
              average_turn_seconds: null,
              average_cost_usd: null,
              error_rate: null,
            }
          : {
              tasks_completed: completed,
              tasks_failed: failed,
              success_rate: completed / (completed + failed),
              average_turn_seconds: 2 + random() * 9,
              average_cost_usd: i === 6 ? 0 : 0.1 + random() * 0.8,
              error_rate: random() * 0.06,
            },
      status: i === 6 ? 'offline' : 'idle',
      last_active: iso(now - Math.floor(random() * 9 * HOUR)),
      created_at: iso(now - 60 * DAY),
    });
  }

  // Projects.
  const PROJECTS =
    scenario === 'one'
      ? [['Shop', 'https://git.example.com/harbor/shop.git', ['Python', 'pytest']]]
      : [
          ['Shop', 'https://git.example.com/harbor/shop.git', ['Python', 'pytest', 'PostgreSQL']],
          ['Ledger', 'https://git.example.com/harbor/ledger.git', ['Rust', 'SQLite']],
          ['Storefront', '/srv/repositories/storefront', ['TypeScript', 'Svelte']],
          ['Importer', 'https://git.example.com/harbor/importer.git', ['Go']],
        ];
  for (const [i, [name, repository_url, tech_stack]] of PROJECTS.entries())
    w.projects.push({
      id: id('project'),
      name: grow(name),
      organization_id: organization.id,
      repository_url,
      tech_stack,
      agents_assigned: w.agents.slice(0, 5 + (i % 3)).map((a) => a.id),
      configuration: { model: 'anthropic/claude-sonnet-4-5', budget_usd: 5, plan_approval: i === 1 },
      requirements: { coverage: 0.8 },
      status: i === 3 ? 'failed' : 'active',
      status_detail:
        i === 3
          ? 'The repository can’t be read: authentication failed for git.example.com. Add a deploy key, then try again.'
          : null,
      created_at: iso(now - (60 - i) * DAY),
      updated_at: iso(now - i * HOUR),
    });

  const count = scenario === 'one' ? 1 : scenario === 'many' ? 500 : 34;
  const STATUS = [
    'working',
    'input_required',
    'completed',
    'failed',
    'completed',
    'submitted',
    'completed',
    'completed',
    'paused',
    'submitted',
    'completed',
    'canceled',
    'completed',
    'completed',
    'working',
    'completed',
  ];
  for (let i = 0; i < count; i++) {
    const [type, title] = TITLES[i % TITLES.length];
    const status = STATUS[i % STATUS.length];
    const project = w.projects[i < 3 ? 0 : Math.floor(random() * Math.min(3, w.projects.length))];
    const agent = w.agents[2 + (i % 4)];
    const candidates = w.agents.slice(2, 6).map((a, k) => ({
      agent_id: a.id,
      name: a.name,
      score: Math.max(0.1, (a === agent ? 0.91 : 0.72) - k * 0.07),
      reasons:
        a === agent
          ? ['has python and sql', '34 of 37 tasks done', 'free now']
          : k % 2
            ? ['has python', 'busy with 2 tasks']
            : ['lacks sql', 'free now'],
    }));
    const updated =
      now - (i === 0 ? 20_000 : i * (scenario === 'many' ? 0.35 : 2.7) * HOUR + random() * HOUR);
    const task = {
      id: id('task'),
      project_id: project.id,
      number: 240 - i > 0 ? 240 - i : i,
      title: grow(i < TITLES.length ? title : `${title} (${Math.floor(i / TITLES.length) + 1})`),
      description: `${title}.\n\nTotals of invoices are **wrong by a cent** when an amount ends in half a cent:\n\n- \`0.125\` becomes \`0.12\`\n- \`2.675\` becomes \`2.67\`\n\nSee https://example.com/tickets/4711.`,
      type,
      priority: ['high', 'medium', 'low', 'medium', 'critical'][i % 5],
      status,
      assigned_agent: status === 'submitted' && i % 2 ? null : agent.id,
      assignment: {
        reason:
          status === 'submitted' && i % 2
            ? 'Nobody fits: no agent has the capability kotlin. Register one, or change the requirements.'
            : `${agent.name} has python and sql, did 34 of 37 such tasks, and is free.`,
        score: 0.91,
        candidates,
      },
      requirements: { coverage: 0.8 },
      dependencies: [],
      estimated_effort: 1.5,
      effort_interval: { low: 0.8, high: 3.2 },
      actual_effort: status === 'completed' ? 0.4 + random() * 2 : null,
      quality_score: status === 'completed' ? 0.8 + random() * 0.2 : null,
      risk: {
        level: ['low', 'medium', 'high'][i % 3],
        reasons: [
          'Three modules depend on Invoice.total.',
          'Two of the last ten changes here were taken back.',
        ],
      },
      due_date: i % 4 === 0 ? iso(now + (i % 3) * DAY) : null,
      held: status === 'paused' || (status === 'submitted' && i % 32 >= 16),
      queued: status === 'submitted' && i % 32 < 16,
      run_id: null,
      pull_request_id: null,
      cost_usd: status === 'submitted' ? null : 0.08 + random() * 1.4,
      error: null,
      created_at: iso(updated - 3 * HOUR),
      updated_at: iso(updated),
    };
    if (status === 'working') {
      agent.status = 'working';
      agent.current_tasks.push(task.id);
      if (!agent.current_projects.includes(project.id)) agent.current_projects.push(project.id);
    }
    if (i === 16) task.dependencies = [w.tasks[0].id, w.tasks[5].id];
    const question =
      'Should credit notes be rounded half up as well, or away from zero? Both are used in `src/billing/credit.py`, and the tests cover neither.';
    if (status === 'input_required')
      task.error =
        i % 32 === 1
          ? {
              code: 'question',
              message: `${agent.name} asks: ${question}`,
              hint: 'Answer, and the run goes on.',
            }
          : {
              code: 'plan_approval_required',
              message: `The plan waits for approval: ${PLAN.title} (5 steps)`,
              hint: 'Approve it, or say what should be different.',
            };
    if (status === 'failed')
      task.error = {
        code: 'model_overloaded',
        message: 'The provider answered 529 five times in 94 s.',
        hint: 'Retry later, or name another model.',
      };
    // Paused by nobody: each server that worked on it died of it.
    if (status === 'paused' && i === 24) {
      task.error = {
        code: 'run_ends_its_server',
        message: 'five servers that worked on it ended without a word, one after the other',
        hint: 'See what its last command does before it goes on.',
      };
    }
    w.tasks.push(task);
    if (status === 'submitted') continue;
    const run = makeRun(w, task, status, question, i);
    if ((status === 'completed' && i < 200) || (scenario === 'one' && false))
      makePull(w, task, run, ['open', 'merged', 'open', 'merged', 'closed', 'draft'][w.pulls.length % 6], i);
  }
  w.invitations.push({
    id: id('invitation'),
    email: 'ben@example.com',
    role: 'developer',
    created_at: iso(now - DAY),
    expires_at: iso(now + 6 * DAY),
  });
  for (const [name, email, role] of scenario === 'one'
    ? []
    : [
        ['Ben Okafor', 'ben@example.com', 'maintainer'],
        ['Chen Li', 'chen@example.com', 'developer'],
        ['Dana Kowalczyk', 'dana@example.com', 'reviewer'],
        ['Elif Yılmaz', 'elif@example.com', 'auditor'],
      ])
    w.members.push({
      user_id: id('user'),
      name: grow(name),
      email,
      role,
      joined_at: iso(now - 40 * DAY),
      last_active: iso(now - random() * 3 * DAY),
    });
  w.tokens.push(
    {
      id: id('token'),
      name: 'CI of Shop',
      role: 'ci',
      project_id: w.projects[0].id,
      created_at: iso(now - 20 * DAY),
      last_used_at: iso(now - HOUR),
      expires_at: iso(now + 70 * DAY),
    },
    {
      id: id('token'),
      name: 'Ada’s laptop',
      role: 'developer',
      project_id: null,
      created_at: iso(now - 4 * DAY),
      last_used_at: null,
      expires_at: null,
    },
  );
  w.policies.push(
    {
      id: id('policy'),
      name: grow('No merges on Fridays after noon'),
      text: 'forbid (\n  principal,\n  action == Action::"pull_requests.merge",\n  resource\n)\nwhen { context.weekday == "friday" && context.hour >= 12 };',
      enabled: true,
      created_at: iso(now - 12 * DAY),
      updated_at: iso(now - 2 * DAY),
    },
    {
      id: id('policy'),
      name: 'High risk needs a maintainer',
      text: 'forbid (principal, action == Action::"pull_requests.approve", resource)\nwhen { resource.risk == "high" && !(principal in Role::"maintainer") };',
      enabled: false,
      created_at: iso(now - 12 * DAY),
      updated_at: iso(now - 9 * DAY),
    },
  );
  const ACTIONS = [
    'tasks.create',
    'pull_requests.merge',
    'runs.steer',
    'pull_requests.comment',
    'session.create',
    'pull_requests.approve',
    'tokens.create',
    'projects.create',
    'policies.update',
    'runs.answer',
  ];
  for (let i = 0; i < (scenario === 'many' ? 500 : scenario === 'one' ? 1 : 60); i++) {
    const task = w.tasks[i % w.tasks.length];
    const person =
      i % 5 === 4
        ? { kind: 'agent', id: w.agents[i % 8].id, name: w.agents[i % 8].name }
        : {
            kind: 'user',
            id: w.members[i % w.members.length].user_id,
            name: w.members[i % w.members.length].name,
          };
    const action = ACTIONS[i % ACTIONS.length];
    w.audit.push({
      seq: 4200 - i,
      at: iso(now - i * 0.4 * HOUR),
      actor: person,
      action,
      subject: {
        kind: action.startsWith('pull') ? 'pull_request' : action.startsWith('runs') ? 'run' : 'task',
        id: action.startsWith('pull') ? (w.pulls[0]?.id ?? task.id) : task.id,
      },
      outcome: i % 11 === 7 ? 'denied' : i % 23 === 3 ? 'failed' : 'done',
      detail: { title: task.title, address: '127.0.0.1' },
      request_id: `req-${(0xabc123 + i).toString(16)}`,
      hash: (i * 7919).toString(16).padStart(8, '0').repeat(8),
    });
    if (i % 11 === 7)
      w.receipts.push({
        id: id('receipt'),
        at: iso(now - i * 0.4 * HOUR),
        principal: person.name,
        action,
        resource: task.id,
        decision: 'deny',
        policies: ['builtin:approve-of-others'],
        reason: 'Nobody approves a change that they asked for.',
      });
  }
  return w;
}

export function makeRun(w, task, status, question, i) {
  const stage =
    status === 'working' || status === 'paused'
      ? 'working'
      : status === 'input_required'
        ? 'question'
        : status === 'failed'
          ? 'failed'
          : 'ready';
  const plan = task.error?.code === 'plan_approval_required';
  const run_id = w.id('run');
  const model = 'anthropic/claude-sonnet-4-5';
  const start = Date.parse(task.updated_at) - 240_000;
  let journal = teamRun({
    task: task.title,
    model,
    start,
    stage,
    question,
    turns: w.scenario === 'many' && i === 0 ? 900 : 0,
  });
  if (plan) {
    const at = journal.findIndex((e) => e.kind === 'begun' && e.entry.attempt === 3);
    journal = journal.slice(0, at);
    journal.push({
      seq: journal.length + 1,
      attempt: 0,
      at: journal.at(-1).at,
      kind: 'ended',
      entry: { entry: 'ended', ending: { state: 'needs_input', error: task.error } },
    });
  }
  w.journals.set(run_id, journal);
  const cost = journal.reduce((sum, e) => sum + (e.entry.cost ?? 0), 0) / 1e9;
  const answered = journal.filter((e) => e.kind === 'model_answered');
  task.run_id = run_id;
  task.cost_usd = cost;
  const state = {
    working: 'running',
    input_required: 'needs_input',
    completed: 'ready',
    failed: 'failed',
    paused: 'paused',
    canceled: 'canceled',
  }[status];
  const run = {
    run_id,
    task_id: task.id,
    project_id: task.project_id,
    task: task.title,
    status: state,
    model,
    branch: stage === 'ready' ? 'aamas/fix-rounding-in-invoices-k3m9q2xw' : null,
    base_commit: '5f2a1c3d9e0b1a2c3d4e5f60718293a4b5c6d7e8',
    head_commit: stage === 'ready' ? '8b7d0e91c2aa4be0f7713bd2b6d4b8a1c0de42f7' : null,
    pull_request: null,
    gates: stage === 'ready' ? GATES.map(({ name, verdict, summary }) => ({ name, verdict, summary })) : [],
    usage: {
      input_tokens: answered.reduce((s, e) => s + e.entry.usage.input_tokens, 0),
      cached_tokens: answered.length * 9000,
      output_tokens: answered.reduce((s, e) => s + e.entry.usage.output_tokens, 0),
      cost_usd: cost,
    },
    turns: answered.length,
    duration_ms: 214_000,
    sandbox: 'S2',
    report: null,
    error: task.error,
    plan: {
      ...PLAN,
      analysis: {
        kind: 'fix',
        effort: 1.5,
        effort_low: 0.8,
        effort_high: 3.2,
        capabilities: ['python'],
        risk: 'medium',
        reasons: [],
      },
      cost_usd: { low: 0.21, middle: 0.44, high: 1.1 },
    },
    attempts: [],
    spent: cost,
    created_at: task.created_at,
    updated_at: task.updated_at,
  };
  w.runs.set(run_id, run);
  return run;
}

function makePull(w, task, run, status, i) {
  const at = task.updated_at;
  const pull = {
    id: w.id('pr'),
    project_id: task.project_id,
    run_id: run.run_id,
    task_id: task.id,
    title: task.title,
    description: `## What changed\n\nTotals are \`Decimal\`, rounded **once**, half up, in \`Invoice.total\`.\n\n- \`0.125\` becomes \`0.13\`\n- the export writes two decimals\n\nSee https://example.com/tickets/4711.`,
    status,
    branch: 'aamas/fix-rounding-in-invoices-k3m9q2xw',
    target: 'main',
    base_commit: run.base_commit,
    head_commit: run.head_commit,
    labels: [task.type, `risk ${task.risk.level}`],
    reviewers: ['Ben Okafor'],
    files: [
      { path: 'src/billing/invoice.py', status: 'modified', added: 15, removed: 10 },
      { path: 'src/billing/export.py', status: 'modified', added: 1, removed: 1 },
      { path: 'tests/test_rounding.py', status: 'added', added: 24, removed: 0 },
      { path: 'docs/rounding.png', status: 'removed', added: 0, removed: 0 },
      { path: 'docs/money.md', status: 'renamed', added: 1, removed: 1 },
    ],
    gates: GATES.map((g) =>
      status === 'draft' && g.name === 'lint'
        ? {
            ...g,
            verdict: 'failed',
            summary: 'ruff: 1 new finding',
            evidence: { findings: ['src/billing/invoice.py:19 F401 unused import'] },
          }
        : { name: g.name, verdict: g.verdict, summary: g.summary, evidence: g.evidence ?? {} },
    ),
    comments:
      i % 3 === 2 || status === 'open'
        ? [
            {
              id: w.id('comment'),
              author: 'Reviewer',
              path: 'src/billing/invoice.py',
              line: 42,
              body: 'The default is shared between lines. That is fine for an immutable value; say so in the comment.',
              resolved: false,
              at,
            },
            {
              id: w.id('comment'),
              author: 'Ben Okafor',
              path: null,
              line: null,
              body: 'Is the *accounting* export affected as well?',
              resolved: false,
              at,
            },
            {
              id: w.id('comment'),
              author: 'Ben Okafor',
              path: 'src/billing/export.py',
              line: 11,
              body: 'Use `str()`: the total has two decimals already.',
              resolved: true,
              at,
            },
          ]
        : [],
    superseded_by: null,
    merged_by: null,
    merged_at: null,
    approvals: status === 'merged' ? [{ author: 'Ben Okafor', head_commit: run.head_commit, at }] : [],
    created_at: at,
    updated_at: at,
  };
  if (w.scenario === 'many' && w.pulls.length === 0) pull.files = manyFiles();
  w.pulls.push(pull);
  w.diffs.set(pull.id, w.scenario === 'many' && w.pulls.length === 1 ? manyDiff() : DIFF);
  task.pull_request_id = pull.id;
  run.pull_request = { id: pull.id, title: pull.title, url: '' };
}

const manyFiles = () =>
  Array.from({ length: 120 }, (_, i) => ({
    path: `src/services/module_${i % 12}/handler_${i}.ts`,
    status: 'modified',
    added: 12,
    removed: 6,
  }));
const manyDiff = () =>
  manyFiles()
    .map(
      (f) =>
        `diff --git a/${f.path} b/${f.path}\n--- a/${f.path}\n+++ b/${f.path}\n@@ -1,26 +1,32 @@ export class Handler {\n${Array.from({ length: 20 }, (_, k) => ` const line${k} = "unchanged ${k}";`).join('\n')}\n${Array.from({ length: 6 }, (_, k) => `-  await this.old(${k});`).join('\n')}\n${Array.from({ length: 12 }, (_, k) => `+  await this.renewed(${k}, { retry: true });`).join('\n')}\n`,
    )
    .join('');
