// A believable run: what a planner, an architect, a builder and the gates write into a journal.

const ESC = '\u001b';
const nano = (usd) => Math.round(usd * 1e9);

export const PLAN = {
  title: 'Round invoice totals half up, in cents',
  summary:
    'Totals are rounded as floats, so that `0.125` becomes `0.12`. Amounts become `Decimal`, rounded once, **half up**, at the end. Callers keep their signature.',
  steps: [
    {
      id: 'analysis',
      title: 'Find every place that rounds money',
      role: 'technical_lead',
      depends_on: [],
      acceptance: ['A list of call sites with file and line'],
    },
    {
      id: 'money',
      title: 'Add Money with half-up rounding',
      role: 'developer_backend',
      depends_on: ['analysis'],
      acceptance: ['0.125 becomes 0.13', 'No float is left in invoice.py'],
    },
    {
      id: 'export',
      title: 'Write cents in the CSV export',
      role: 'developer_data',
      depends_on: ['analysis'],
      acceptance: ['The export has two decimals'],
    },
    {
      id: 'tests',
      title: 'Test the edges: halves, negatives, sums',
      role: 'developer_qa',
      depends_on: ['money', 'export'],
      acceptance: ['Mutants of the rounding die'],
    },
    { id: 'review', title: 'Review the change', role: 'reviewer', depends_on: ['tests'], acceptance: [] },
  ],
  effort_hours: 1.5,
  risks: ['Customers may see totals that differ by one cent from earlier invoices.'],
};

const RED = `exit code: 1
${ESC}[1m============================= test session starts ==============================${ESC}[0m
platform linux -- Python 3.12.4, pytest-8.3.2
collected 214 items

tests/test_export.py ${ESC}[32m....................${ESC}[0m                              [  9%]
tests/test_invoice.py ${ESC}[32m..........${ESC}[31mF${ESC}[32m......${ESC}[31mF${ESC}[32m....${ESC}[0m                         [ 20%]
tests/test_tax.py ${ESC}[32m........................................${ESC}[0m             [ 39%]

=================================== ${ESC}[31mFAILURES${ESC}[0m ===================================
${ESC}[31m${ESC}[1m_________________________ test_total_rounds_half_up _________________________${ESC}[0m

    def test_total_rounds_half_up():
>       assert Invoice("1", "net", [Line("x", 0.125)]).total() == 0.13
${ESC}[1m${ESC}[31mE       assert 0.12 == 0.13${ESC}[0m
${ESC}[1m${ESC}[31mE        +  where 0.12 = total()${ESC}[0m

tests/test_invoice.py:41: AssertionError
${ESC}[36m=========================== short test summary info ============================${ESC}[0m
${ESC}[31mFAILED${ESC}[0m tests/test_invoice.py::test_total_rounds_half_up
${ESC}[31mFAILED${ESC}[0m tests/test_invoice.py::test_sum_of_halves
${ESC}[31m========================= ${ESC}[1m2 failed${ESC}[0m${ESC}[31m, 212 passed in 1.18s${ESC}[0m ==========================
`;
const GREEN = `exit code: 0
tests/test_export.py ${ESC}[32m....................${ESC}[0m
tests/test_invoice.py ${ESC}[32m......................${ESC}[0m
tests/test_rounding.py ${ESC}[32m.....${ESC}[0m
${ESC}[32m============================= 219 passed in 1.21s ==============================${ESC}[0m
`;

export const GATES = [
  {
    name: 'tests',
    verdict: 'passed',
    summary: '212 → 219 pass, 2 that failed pass now',
    evidence: {
      before: { passed: 212, failed: 2 },
      after: { passed: 219, failed: 0 },
      fixed: ['test_total_rounds_half_up', 'test_sum_of_halves'],
    },
  },
  { name: 'build', verdict: 'passed', summary: 'compiles as before' },
  { name: 'lint', verdict: 'passed', summary: 'ruff: nothing new' },
  { name: 'format', verdict: 'skipped', summary: 'no formatter is configured' },
  { name: 'tests_kept', verdict: 'passed', summary: 'no test was deleted or weakened' },
  { name: 'secrets', verdict: 'passed', summary: 'no credential in 61 added lines' },
  { name: 'diff', verdict: 'passed', summary: '5 files, inside the repository' },
];

/** Collects entries with their numbers and times. */
class Journal {
  constructor(start) {
    this.items = [];
    this.at = start;
    this.turns = new Map();
  }
  add(attempt, entry, ms = 400) {
    this.at += ms;
    this.items.push({
      seq: this.items.length + 1,
      attempt,
      at: new Date(this.at).toISOString(),
      kind: entry.entry,
      entry,
    });
    return this;
  }
  begin(attempt, seat, step, role, model, why) {
    this.add(attempt, {
      entry: 'begun',
      attempt,
      seat,
      step,
      number: 1,
      role,
      model,
      tree: '',
      why,
      max_turns: null,
      budget: null,
    });
    return this.add(
      attempt,
      {
        entry: 'prepared',
        base_tree: 'a'.repeat(40),
        sandbox: 'S2',
        layers: ['virtual environment of the checkout, read-only', 'package cache of pip'],
        system: '…',
        opening: '…',
      },
      900,
    );
  }
  turn(attempt, text, calls = [], usd = 0.012) {
    const turn = (this.turns.get(attempt) ?? 0) + 1;
    this.turns.set(attempt, turn);
    this.add(attempt, { entry: 'model_intended', turn, reserved: null, request: '' }, 60);
    const blocks = [];
    if (text) blocks.push({ text });
    calls.forEach((c, i) =>
      blocks.push({
        tool_call: { id: `call_${turn}_${i}`, name: c.name, arguments: JSON.stringify(c.args) },
      }),
    );
    this.add(
      attempt,
      {
        entry: 'model_answered',
        turn,
        blocks,
        usage: {
          input_tokens: 11_200 + turn * 900,
          cached_tokens: 9000,
          cache_write_tokens: 0,
          output_tokens: 240 + turn * 20,
          reasoning_tokens: 0,
        },
        wasted: {},
        cost: nano(usd),
        model: 'claude-sonnet-4-5',
        wall_ms: 2600 + turn * 130,
      },
      2600,
    );
    calls.forEach((c, index) => {
      this.add(attempt, { entry: 'tool_intended', turn, index, effect: c.effect ?? 'pure' }, 20);
      if (c.text !== undefined)
        this.add(
          attempt,
          {
            entry: 'tool_finished',
            turn,
            index,
            text: c.text,
            is_error: c.error ?? false,
            meaning: c.meaning ?? 'plain',
            tree: null,
            outputs: c.outputs ?? [],
            wall_ms: c.ms ?? 40,
          },
          c.ms ?? 40,
        );
    });
    return this;
  }
}

/** The entries of a run of the team up to `stage`: `question`, `working`, `ready`, `failed`. */
export function teamRun({ task, model, start, stage, question, turns = 0 }) {
  const j = new Journal(start);
  j.add(0, {
    entry: 'created',
    settings: {
      task,
      model,
      role: 'developer_backend',
      team: ['planner', 'architecture', 'reviewer'],
      warnings: [
        '2 files are changed in the checkout; the run starts from the last commit and leaves them alone.',
      ],
      repo: '/srv/shop',
      limits: {},
    },
  });
  j.add(0, {
    entry: 'analyzed',
    analysis: {
      kind: 'fix',
      effort: 1.5,
      effort_low: 0.8,
      effort_high: 3.2,
      capabilities: ['python', 'backend'],
      risk: 'medium',
      reasons: [
        '`src/billing` is covered by tests to 91 %.',
        'Three modules depend on `Invoice.total`.',
        'Two of the last ten changes here were taken back.',
      ],
    },
  });
  j.begin(
    1,
    'planner',
    'plan',
    'technical_lead',
    model,
    'The one technical lead that is free; 41 of 43 plans approved.',
  );
  j.turn(1, 'I look for every place that rounds before I plan.', [
    {
      name: 'search_code',
      args: { pattern: 'round\\(|:\\.2f', path: 'src' },
      text: 'src/billing/invoice.py:41: return round(net * (1 + rate_for(self.customer)), 2)\nsrc/billing/invoice.py:55: return f"Invoice {self.number} is {days} days late: {self.total():.2f} EUR"\nsrc/billing/export.py:11: "total": invoice.total(),\n',
      ms: 34,
    },
    {
      name: 'read_file',
      args: { path: 'src/billing/invoice.py' },
      text: '1: """Invoices: lines, taxes and totals."""\n2:\n3: from dataclasses import dataclass, field\n…',
      ms: 12,
    },
  ]);
  j.turn(
    1,
    '',
    [{ name: 'submit_plan', args: PLAN, text: 'The plan is taken.', meaning: { planned: PLAN }, ms: 5 }],
    0.031,
  );
  j.begin(2, 'architecture', 'architecture', 'architecture', model, 'Judges every plan.');
  j.turn(
    2,
    '',
    [
      {
        name: 'submit_review',
        args: {
          verdict: 'approve',
          summary:
            'Money as `Decimal` inside, text only at the rim: the boundary stays where it is. No new dependency, no cycle.',
        },
        text: 'Taken.',
        meaning: {
          reviewed: {
            approved: true,
            summary: 'Money as `Decimal` inside, text only at the rim. No new dependency, no cycle.',
            comments: [],
          },
        },
        ms: 4,
      },
    ],
    0.014,
  );
  j.begin(3, 'builder', 'analysis', 'technical_lead', model, 'Wrote the plan and knows the call sites.');
  j.turn(
    3,
    '',
    [
      {
        name: 'finish',
        args: { summary: 'Three call sites: `invoice.py:41`, `invoice.py:55`, `export.py:11`.' },
        text: 'Taken.',
        meaning: { finish: { summary: 'Three call sites.', follow_ups: [] } },
        ms: 3,
      },
    ],
    0.006,
  );
  j.begin(
    4,
    'builder',
    'money',
    'developer_backend',
    model,
    'Best track record for Python in this project: 34 of 37 tasks, free now.',
  );
  j.turn(4, 'First the failing tests, so that I know what I repair.', [
    {
      name: 'run_tests',
      args: { filter: 'tests' },
      text: RED,
      ms: 1180,
      effect: 'workspace',
      outputs: [['stdout-4-1', 'x']],
    },
  ]);
  if (stage === 'failed') {
    j.add(
      4,
      {
        entry: 'model_failed',
        turn: 2,
        error: {
          code: 'model_overloaded',
          message: 'The provider answered 529 five times in 94 s.',
          hint: 'Resume later, or name another model.',
        },
        wasted: {},
        cost: nano(0.004),
      },
      94_000,
    );
    j.add(0, {
      entry: 'ended',
      ending: {
        state: 'failed',
        error: {
          code: 'model_overloaded',
          message: 'The provider answered 529 five times in 94 s.',
          hint: 'Resume later, or name another model.',
        },
      },
    });
    return j.items;
  }
  j.turn(
    4,
    '`round` works on binary floats: `0.125` is stored exactly, and banker’s rounding makes it `0.12`. I take `Decimal`, and round **once**, in `total`.',
    [
      {
        name: 'edit_file',
        args: {
          path: 'src/billing/invoice.py',
          old_text:
            '        net = sum(line.amount * line.quantity for line in self.lines)\n        return round(net * (1 + rate_for(self.customer)), 2)\n',
          new_text:
            '        net = sum((line.amount - line.discount) * line.quantity for line in self.lines)\n        gross = net * (1 + rate_for(self.customer))\n        return gross.quantize(CENT, rounding=ROUND_HALF_UP)\n',
        },
        text: 'Edited src/billing/invoice.py.',
        ms: 18,
        effect: 'workspace',
      },
      {
        name: 'update_plan',
        args: {
          steps: [
            { title: 'Money with half-up rounding', status: 'completed' },
            { title: 'Callers that format totals', status: 'in_progress' },
            { title: 'Run the tests', status: 'pending' },
          ],
        },
        text: 'Noted.',
        ms: 1,
      },
    ],
    0.021,
  );
  if (stage === 'question') {
    j.turn(
      4,
      '',
      [{ name: 'ask_human', args: { question }, text: 'A person is asked.', meaning: { question }, ms: 2 }],
      0.009,
    );
    j.add(0, {
      entry: 'ended',
      ending: {
        state: 'needs_input',
        error: {
          code: 'question',
          message: `developer_backend asks: ${question}`,
          hint: 'Answer, and the run goes on.',
        },
      },
    });
    return j.items;
  }
  j.add(4, { entry: 'steered', text: 'Keep `Line.amount` as the public name; other teams import it.' }, 3000);
  j.turn(4, 'Understood: `Line.amount` stays, only its type changes.', [
    {
      name: 'run_command',
      args: { command: 'python -m mypy src/billing && grep -rn "amount" src --include=*.py | head' },
      text: `exit code: 0\n${ESC}[1m${ESC}[32mSuccess: no issues found in 9 source files${ESC}[0m\nsrc/billing/invoice.py:15:    amount: Decimal\n`,
      ms: 2210,
      effect: 'workspace',
    },
  ]);
  for (let i = 0; i < turns; i++)
    j.turn(
      4,
      i % 3 === 0 ? `Now the ${i + 1}th caller; it formats the total itself.` : '',
      [
        i % 2 === 0
          ? {
              name: 'read_file',
              args: { path: `src/billing/report_${i}.py` },
              text: `1: """Report ${i}."""\n2: from .invoice import Invoice\n`,
              ms: 8 + (i % 9),
            }
          : {
              name: 'run_tests',
              args: { filter: `tests/test_report_${i}.py` },
              text: i % 7 === 0 ? RED : GREEN,
              ms: 1100 + i,
              effect: 'workspace',
            },
      ],
      0.004,
    );
  if (stage === 'working') {
    j.begin(
      5,
      'builder',
      'export',
      'developer_data',
      model,
      'The only agent with the capability csv that is free.',
    );
    j.turn(5, 'The export writes the raw value; two decimals are what the importer wants.', [
      {
        name: 'edit_file',
        args: {
          path: 'src/billing/export.py',
          old_text: '            "total": invoice.total(),\n',
          new_text: '            "total": f"{invoice.total():.2f}",\n',
        },
        text: 'Edited src/billing/export.py.',
        ms: 15,
        effect: 'workspace',
      },
    ]);
    j.turn(4, '', [{ name: 'run_tests', args: { filter: 'tests/test_invoice.py' }, effect: 'workspace' }]);
    return j.items;
  }
  j.turn(4, '', [
    {
      name: 'finish',
      args: { summary: 'Totals are `Decimal` and rounded half up, once.' },
      text: 'Taken.',
      meaning: { finish: { summary: 'Totals are Decimal.', follow_ups: [] } },
    },
  ]);
  j.begin(
    5,
    'builder',
    'export',
    'developer_data',
    model,
    'The only agent with the capability csv that is free.',
  );
  j.turn(5, '', [
    {
      name: 'finish',
      args: { summary: 'The export writes two decimals.' },
      text: 'Taken.',
      meaning: { finish: { summary: 'done', follow_ups: [] } },
    },
  ]);
  j.add(0, { entry: 'merged', steps: ['money', 'export'], tree: 'b'.repeat(40), conflicts: [] });
  j.begin(
    6,
    'builder',
    'tests',
    'developer_qa',
    model,
    'Writes tests that kill mutants: 8 of 9 in the mean.',
  );
  j.turn(6, 'Halves, negatives, and a sum of halves.', [
    {
      name: 'write_file',
      args: { path: 'tests/test_rounding.py', content: 'from decimal import Decimal\n\nimport pytest\n' },
      text: 'Written.',
      effect: 'workspace',
    },
    { name: 'run_tests', args: {}, text: GREEN, ms: 1210, effect: 'workspace' },
  ]);
  j.turn(6, '', [
    {
      name: 'finish',
      args: { summary: 'Edges are tested.' },
      text: 'Taken.',
      meaning: { finish: { summary: 'done', follow_ups: [] } },
    },
  ]);
  j.add(0, { entry: 'gates_intended', round: 1, tree: 'c'.repeat(40) }, 100);
  j.add(0, { entry: 'gates_judged', round: 1, tree: 'c'.repeat(40), results: GATES, protected: [] }, 5400);
  j.begin(7, 'reviewer', 'review', 'reviewer', model, 'Did not write any of it.');
  j.turn(
    7,
    '',
    [
      {
        name: 'submit_review',
        args: { verdict: 'approve', summary: 'Rounds once, at the end, and says so in a test.' },
        text: 'Taken.',
        meaning: {
          reviewed: {
            approved: true,
            summary: 'Rounds once, at the end, and says so in a test.',
            comments: [
              {
                path: 'src/billing/invoice.py',
                line: 21,
                body: 'The default is shared, which is fine for an immutable value.',
                severity: 'info',
              },
            ],
          },
        },
      },
    ],
    0.018,
  );
  j.add(0, {
    entry: 'delivery_intended',
    tree: 'c'.repeat(40),
    branch: 'aamas/fix-rounding-in-invoices-k3m9q2xw',
    at: new Date(j.at).toISOString(),
    expected_old: null,
    ending: { state: 'ready', error: null },
    pull_request: 'pr',
  });
  j.add(0, {
    entry: 'delivered',
    head_commit: '8b7d0e91c2aa4be0f7713bd2b6d4b8a1c0de42f7',
    branch: 'aamas/fix-rounding-in-invoices-k3m9q2xw',
  });
  j.add(0, { entry: 'ended', ending: { state: 'ready', error: null } });
  return j.items;
}

/** What the live run does next, entry by entry, for ever. */
export function* liveEntries(lastTurn) {
  let turn = lastTurn;
  const texts = [
    'The halves are right now. I look at what formats totals.',
    'The reminder used `.2f`; a `Decimal` needs no format.',
    'I check the callers once more before I finish.',
  ];
  for (let i = 0; ; i++) {
    yield [
      4,
      {
        entry: 'tool_finished',
        turn,
        index: 0,
        text: i % 2 ? GREEN : RED,
        is_error: false,
        meaning: 'plain',
        outputs: [],
        wall_ms: 1190,
      },
    ];
    turn += 1;
    yield [4, { entry: 'model_intended', turn, reserved: null, request: '' }];
    yield [
      4,
      {
        entry: 'model_answered',
        turn,
        blocks: [
          { text: texts[i % texts.length] },
          {
            tool_call: { id: `l${turn}`, name: 'run_tests', arguments: '{"filter":"tests/test_invoice.py"}' },
          },
        ],
        usage: {
          input_tokens: 14_000,
          cached_tokens: 12_000,
          cache_write_tokens: 0,
          output_tokens: 260,
          reasoning_tokens: 0,
        },
        wasted: {},
        cost: nano(0.0113),
        model: 'claude-sonnet-4-5',
        wall_ms: 3100,
      },
    ];
    yield [4, { entry: 'tool_intended', turn, index: 0, effect: 'workspace' }];
  }
}
