// The sixteen figures and the cost, from the facts of a world.
const DAY = 24 * 3_600_000;

/** The sixteen figures. */
export function analytics(w, timeframe) {
  const points = { '24h': 24, '7d': 7, '30d': 30, '90d': 30 }[timeframe] ?? 7;
  const span = { '24h': DAY, '7d': 7 * DAY, '30d': 30 * DAY, '90d': 90 * DAY }[timeframe] ?? 7 * DAY;
  const none = w.tasks.length < 2;
  let s = points;
  const random = () => (s = (s * 16_807) % 2_147_483_647) / 2_147_483_647;
  const since = new Date(w.now - span).toISOString();
  const m = (key, title, unit, value, previous, query, note) => {
    const empty = none || value === null;
    return {
      key,
      title,
      unit,
      value: empty ? null : value,
      previous: empty ? null : previous,
      series: empty
        ? []
        : Array.from({ length: points }, (_, i) => ({
            at: new Date(w.now - span + ((i + 1) * span) / points).toISOString(),
            value: Math.round((value * (0.7 + random() * 0.5) + (i / points) * value * 0.1) * 100) / 100,
          })),
      facts: { query },
      note: empty ? (note ?? 'No run has ended yet.') : null,
    };
  };
  const runs = `/runs?since=${since}`;
  const tasks = `/tasks?status=completed&since=${since}`;
  return {
    organization_id: w.organization.id,
    timeframe,
    from: since,
    to: new Date(w.now).toISOString(),
    panels: [
      {
        key: 'agent_performance',
        title: 'Agent performance',
        metrics: [
          m('active_agents', 'Active agents', 'count', 7, 6, '/agents?status=working'),
          m('tasks_completed_today', 'Tasks completed today', 'count', 9, 7, tasks),
          m('average_response_time', 'Average response time', 'seconds', 4.2, 5.1, runs),
          m('success_rate', 'Success rate', 'percent', 91.4, 88.2, runs),
        ],
      },
      {
        key: 'development_velocity',
        title: 'Development velocity',
        metrics: [
          m('commits_per_day', 'Commits per day', 'count', 6.4, 5.2, '/pull-requests?status=merged'),
          m('pull_requests_created', 'Pull requests created', 'count', 23, 19, '/pull-requests'),
          m('bugs_fixed', 'Bugs fixed', 'count', 11, 12, '/tasks?type=fix&status=completed'),
          m(
            'features_delivered',
            'Features delivered',
            'count',
            8,
            5,
            '/tasks?type=feature&status=completed',
          ),
        ],
      },
      {
        key: 'code_quality',
        title: 'Code quality',
        metrics: [
          m('code_quality_score', 'Code quality score', 'percent', 87, 85, '/artifacts'),
          m('test_coverage', 'Test coverage', 'percent', 82.6, 81.9, '/artifacts'),
          m('technical_debt_ratio', 'Technical debt ratio', 'percent', 3.8, 4.1, '/artifacts'),
          m('security_score', 'Security score', 'percent', 96, 96, '/artifacts'),
        ],
      },
      {
        key: 'resource_utilization',
        title: 'Resource utilization',
        metrics: [
          m('cpu_usage', 'CPU usage', 'percent', 38, 44, runs),
          m('memory_usage', 'Memory usage', 'bytes', 3.1e9, 2.9e9, runs),
          m('gpu_utilization', 'GPU utilization', 'percent', null, null, runs, 'This machine has no GPU.'),
          m('storage_usage', 'Storage usage', 'bytes', 18.4e9, 17.2e9, runs),
        ],
      },
    ],
  };
}

/** Where the money went. */
export function cost(w, query) {
  const since = query.get('since') ?? new Date(w.now - 30 * DAY).toISOString();
  const days = Math.max(1, Math.round((w.now - Date.parse(since)) / DAY));
  const tasks = w.tasks.filter(
    (t) => t.cost_usd !== null && (!query.get('project_id') || t.project_id === query.get('project_id')),
  );
  const total = tasks.reduce((s, t) => s + t.cost_usd, 0);
  const line = (key, label, part, runs) => ({
    key,
    label,
    cost_usd: total * part,
    input_tokens: Math.round(total * part * 2.4e5),
    cached_tokens: Math.round(total * part * 1.9e5),
    output_tokens: Math.round(total * part * 1.2e4),
    runs,
  });
  if (!tasks.length)
    return {
      since,
      until: w.iso(w.now),
      total_usd: 0,
      unpriced_runs: 0,
      by_model: [],
      by_role: [],
      by_day: [],
      by_project: [],
      by_task: [],
    };
  let s = 5;
  const random = () => (s = (s * 16_807) % 2_147_483_647) / 2_147_483_647;
  const weights = Array.from(
    { length: days },
    (_, i) => (((i + 3) % 7 > 4 ? 0.15 : 0.6) + random()) * (w.tasks.length === 1 && i < days - 1 ? 0 : 1),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return {
    since,
    until: w.iso(w.now),
    total_usd: total,
    unpriced_runs: 2,
    by_model: [
      line('anthropic/claude-sonnet-4-5', 'anthropic/claude-sonnet-4-5', 0.83, tasks.length),
      line('anthropic/claude-haiku-4-5', 'anthropic/claude-haiku-4-5', 0.17, Math.ceil(tasks.length / 3)),
      { ...line('offline', 'offline', 0, 3), cost_usd: 0 },
    ],
    by_role: [
      line('developer_backend', 'developer_backend', 0.44, 20),
      line('technical_lead', 'technical_lead', 0.21, 20),
      line('reviewer', 'reviewer', 0.18, 18),
      line('developer_qa', 'developer_qa', 0.12, 12),
      line('architecture', 'architecture', 0.05, 20),
    ],
    by_day: weights.map((v, i) => ({
      day: new Date(w.now - (days - 1 - i) * DAY).toISOString().slice(0, 10),
      cost_usd: (total * v) / sum,
      runs: Math.round(v * 4),
    })),
    by_project: w.projects
      .filter((p) => tasks.some((t) => t.project_id === p.id))
      .map((p) => ({
        ...line(p.id, p.name, 0, tasks.filter((t) => t.project_id === p.id).length),
        cost_usd: tasks.filter((t) => t.project_id === p.id).reduce((a, t) => a + t.cost_usd, 0),
      })),
    by_task: [...tasks]
      .sort((a, b) => b.cost_usd - a.cost_usd)
      .slice(0, 20)
      .map((t) => ({ ...line(t.id, t.title, t.cost_usd / total, 1), cost_usd: t.cost_usd })),
  };
}
