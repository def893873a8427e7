import { plain } from './ansi';
import type { GateResult, JournalItem, Plan, Problem, ToolMeaning } from './api/types';
import { advice } from './advice';
import { gatesSaid } from './change';
import { oneLine } from './clean';
import { fromNano, modelName, roleName, sentence, words } from './format';

/** What a line of the transcript is, which decides its sign and its color. */
export type LineKind =
  'say' | 'think' | 'tool' | 'gates' | 'phase' | 'person' | 'question' | 'problem' | 'note' | 'end';

/** One line for the reader, made of one or more entries. */
export interface Line {
  key: string;
  /** The entry that a fork would go on from. */
  seq: number;
  at: string;
  /** 0: the run as a whole. */
  attempt: number;
  who: string;
  kind: LineKind;
  /** What happened, in words: `runs`, `edits`. */
  verb: string;
  /** On what: a path, a command, a pattern. Shown in monospace. */
  target: string;
  state: 'running' | 'ok' | 'failed' | null;
  /** A short result: `exit 2`, `+3 −1`. */
  result: string;
  ms: number | null;
  /** Decimal US dollars; only where a model answered. */
  cost: number | null;
  /** What unfolds. */
  body: { kind: 'prose' | 'output' | 'diff'; text: string } | null;
  /** Names of full outputs that the server has. */
  outputs: string[];
  gates: GateResult[];
}

export type StepState = 'waiting' | 'working' | 'asking' | 'done' | 'failed';

/** What the entries of a journal come to. */
export interface Transcript {
  lines: Line[];
  plan: Plan | null;
  steps: Map<string, StepState>;
  /** Which step each attempt is at. */
  attempts: Map<number, Attempt>;
  /** The open question, if the run waits for its answer. */
  question: string | null;
  /** Decimal US dollars; null when a price is unknown. */
  cost: number | null;
  turns: number;
  inputTokens: number;
  outputTokens: number;
  gates: GateResult[];
  protectedPaths: string[];
  ended: { state: string; error: Problem | null } | null;
  /** It had come to a stop, and goes on: what it waited for was said. */
  goesOn: boolean;
}

/** The entries that still count: a `rewound` takes back what follows the entry that it names, itself not. */
export function counting(items: JournalItem[]): JournalItem[] {
  let kept: JournalItem[] = [];
  for (const item of items) {
    if (item.entry.entry === 'rewound') {
      const last = item.entry.seq;
      kept = kept.filter((k) => k.seq <= last);
    }
    kept.push(item);
  }
  return kept;
}

export interface Attempt {
  step: string;
  seat: string;
  who: string;
}

/** Reads a journal, oldest entry first. Pure: the same entries give the same lines. */
export function transcript(items: JournalItem[]): Transcript {
  const out: Transcript = {
    lines: [],
    plan: null,
    steps: new Map(),
    attempts: new Map(),
    question: null,
    cost: 0,
    turns: 0,
    inputTokens: 0,
    outputTokens: 0,
    gates: [],
    protectedPaths: [],
    ended: null,
    goesOn: false,
  };
  const attempts = out.attempts;
  const calls = new Map<string, { line: Line; name: string; args: Record<string, unknown> }>();
  const spend = (nano: number | null) => {
    const usd = fromNano(nano);
    out.cost = usd === null || out.cost === null ? null : out.cost + usd;
  };
  const add = (item: JournalItem, kind: LineKind, verb: string, more: Partial<Line> = {}): Line => {
    const line: Line = {
      key: `${item.seq}`,
      seq: item.seq,
      at: item.at,
      attempt: item.attempt,
      who: attempts.get(item.attempt)?.who ?? 'run',
      kind,
      verb,
      target: '',
      state: null,
      result: '',
      ms: null,
      cost: null,
      body: null,
      outputs: [],
      gates: [],
      ...more,
    };
    out.lines.push(line);
    return line;
  };
  /** Steps that an ending brought to a halt: they go on when the run does. */
  let halted: string[] = [];
  let model = '';
  const goOn = () => {
    out.goesOn ||= out.ended !== null;
    out.ended = null;
    for (const name of halted) out.steps.set(name, 'working');
    halted = [];
  };
  const step = (item: JournalItem, state: StepState) => {
    const name = attempts.get(item.attempt)?.step;
    if (name) out.steps.set(name, state);
  };

  for (const item of counting(items)) {
    const e = item.entry;
    switch (e.entry) {
      case 'created':
        model = e.settings.model;
        add(item, 'phase', 'Run started', {
          target: modelName(e.settings.model),
          body: prose(e.settings.task),
        });
        for (const [i, warning] of (e.settings.warnings ?? []).entries())
          add(item, 'note', 'Warning', {
            key: `${item.seq}w${i}`,
            body: prose(warning),
            result: oneLine(warning, 120),
          });
        break;
      case 'resumed':
        model = e.model;
        goOn();
        add(item, 'phase', 'Goes on', { target: modelName(e.model) });
        break;
      case 'analyzed':
        add(item, 'note', `Takes it for: ${words(e.analysis.kind).toLowerCase()}`, {
          who: 'analysis',
          result: `risk ${e.analysis.risk}`,
          body: e.analysis.reasons.length ? prose(e.analysis.reasons.map((r) => `- ${r}`).join('\n')) : null,
        });
        break;
      case 'begun':
        attempts.set(e.attempt, { step: e.step, seat: e.seat, who: e.role });
        out.steps.set(e.step, 'working');
        add(
          { ...item, attempt: e.attempt },
          'phase',
          e.number > 1 ? `Takes up ${e.step} again` : `Takes up ${e.step}`,
          {
            // Said where it is another than the run's.
            result: e.model === model ? '' : modelName(e.model),
            body: e.why ? prose(why(e.role, e.why)) : null,
          },
        );
        break;
      case 'prepared':
        add(item, 'note', 'Workspace is ready', {
          result: `sandbox ${e.sandbox}`,
          body: e.layers.length ? prose(e.layers.map((l) => `- ${l}`).join('\n')) : null,
        });
        break;
      case 'model_intended':
        break;
      case 'model_answered': {
        out.turns += 1;
        out.inputTokens += e.usage.input_tokens;
        out.outputTokens += e.usage.output_tokens;
        spend(e.cost);
        let paid = false;
        const pay = () => {
          const cost = paid ? null : fromNano(e.cost);
          paid = true;
          return cost;
        };
        let index = 0;
        for (const [i, block] of e.blocks.entries()) {
          if (block.text !== undefined && block.text.trim())
            add(item, 'say', 'says', {
              key: `${item.seq}.${i}`,
              body: prose(block.text),
              cost: pay(),
              ms: e.wall_ms,
            });
          else if (block.reasoning !== undefined) {
            const thought = thinking(block.reasoning);
            if (thought)
              add(item, 'think', 'thinks', {
                key: `${item.seq}.${i}`,
                body: prose(thought),
                cost: pay(),
                ms: e.wall_ms,
              });
          } else if (block.tool_call) {
            const args = parse(block.tool_call.arguments);
            const said = describe(block.tool_call.name, args);
            const line = add(item, said.kind ?? 'tool', said.verb, {
              key: `${item.seq}.${i}`,
              target: said.target,
              result: said.result ?? '',
              body: said.body ?? null,
              cost: pay(),
            });
            calls.set(`${item.attempt}/${e.turn}/${index}`, { line, name: block.tool_call.name, args });
            index += 1;
          }
        }
        break;
      }
      case 'model_failed':
        spend(e.cost);
        add(item, 'problem', 'The model failed', {
          result: e.error.code,
          state: 'failed',
          body: prose(said(e.error)),
        });
        break;
      case 'tool_intended': {
        const call = calls.get(`${item.attempt}/${e.turn}/${e.index}`);
        if (call) call.line.state = 'running';
        break;
      }
      case 'tool_finished': {
        const call = calls.get(`${item.attempt}/${e.turn}/${e.index}`);
        const line = call?.line ?? add(item, 'tool', 'used a tool');
        line.seq = item.seq;
        line.ms = e.wall_ms;
        line.outputs = (e.outputs ?? []).map(([name]) => name);
        const result = outcome(call?.name ?? '', e.text, e.is_error);
        line.state = result.ok ? 'ok' : 'failed';
        if (result.words) line.result = result.words;
        if (!line.body || e.is_error) line.body = e.text.trim() ? { kind: 'output', text: e.text } : null;
        meaning(out, item, e.meaning, add, step);
        break;
      }
      case 'steered':
        add(item, 'person', 'You steered', { who: 'you', body: prose(e.text) });
        break;
      case 'answered':
        out.question = null;
        goOn();
        step(item, 'working');
        if (e.plan) out.plan = e.plan;
        add(item, 'person', ...answer(e.text, e.plan));
        break;
      case 'fell_back':
        add(item, 'note', 'Another model takes over', {
          target: e.to,
          result: `from ${e.from}`,
          body: prose(e.reason),
        });
        break;
      case 'compacted':
        spend(e.cost);
        add(item, 'note', 'Conversation shortened', { result: `by ${e.by}, up to turn ${e.folded}` });
        break;
      case 'agent_intended':
        add(item, 'note', 'The outside agent reads its task', { body: prose(e.prompt) });
        break;
      case 'agent_acted':
        add(item, 'tool', 'does', {
          target: oneLine(e.tool, 120),
          state: e.is_error ? 'failed' : 'ok',
          body: { kind: 'output', text: e.text },
        });
        break;
      case 'agent_ended':
        out.turns += 1;
        spend(e.cost);
        add(item, e.error ? 'problem' : 'say', e.error ? 'The outside agent failed' : 'says', {
          body: prose(e.error ? said(e.error) : e.summary),
          cost: fromNano(e.cost),
          ms: e.wall_ms,
        });
        break;
      case 'sent_back':
        goOn();
        step(item, 'working');
        add(item, e.by === 'person' ? 'person' : 'note', `Sent back by ${e.by === 'person' ? 'you' : e.by}`, {
          body: prose(e.text),
        });
        break;
      case 'gave_up':
        step(item, 'failed');
        add(item, 'problem', 'Gave the step up', {
          state: 'failed',
          result: e.error.code,
          body: prose(said(e.error)),
        });
        break;
      case 'merged':
        add(item, 'note', `Merged ${e.steps.join(', ')}`, {
          result: e.conflicts.length ? `${e.conflicts.length} in conflict` : 'no conflicts',
          body: e.conflicts.length ? prose(e.conflicts.map(([p, k]) => `- \`${p}\`: ${k}`).join('\n')) : null,
        });
        break;
      case 'chosen':
        add(item, 'note', `Takes the result of attempt ${e.attempt}`, { body: prose(e.why) });
        break;
      case 'spent':
        spend(e.cost);
        break;
      case 'rewound':
        goOn();
        add(item, 'person', `Set back to entry ${e.seq}`, { who: 'you' });
        break;
      case 'restored':
        add(item, 'note', 'Workspace set back to its last snapshot');
        break;
      case 'gates_intended':
        out.steps.set('gates', 'working');
        add(item, 'gates', `Gates judge, round ${e.round}`, {
          key: `gates${e.round}.${item.attempt}.${item.seq}`,
          who: 'gates',
          state: 'running',
        });
        break;
      case 'gates_judged': {
        const open = out.lines.findLast((l) => l.kind === 'gates' && l.state === 'running');
        const line = open ?? add(item, 'gates', '', { who: 'gates' });
        const refused = e.results.filter((g) => g.verdict === 'failed' || g.verdict === 'error');
        line.seq = item.seq;
        line.verb = refused.length ? 'Gates refuse the change' : 'Gates let the change through';
        line.state = refused.length ? 'failed' : 'ok';
        line.result = gatesSaid(e.results);
        line.gates = e.results;
        line.ms = Date.parse(item.at) - Date.parse(line.at) || null;
        out.gates = e.results;
        out.protectedPaths = e.protected ?? [];
        out.steps.set('gates', refused.length ? 'failed' : 'done');
        break;
      }
      case 'repair_intended':
        out.steps.set('build', 'working');
        add(item, 'tool', 'searches for a repair', {
          who: 'offline engine',
          state: 'running',
          key: `repair${item.seq}`,
        });
        break;
      case 'repair_ended': {
        const line =
          out.lines.findLast((l) => l.key.startsWith('repair') && l.state === 'running') ??
          add(item, 'tool', 'searched for a repair');
        line.seq = item.seq;
        line.state = e.error ? 'failed' : 'ok';
        line.body = prose(e.error ? `${e.report}\n\n${said(e.error)}` : e.report);
        line.ms = Date.parse(item.at) - Date.parse(line.at) || null;
        out.steps.set('build', e.error ? 'failed' : 'done');
        break;
      }
      case 'delivery_intended':
        break;
      case 'delivered':
        add(item, 'end', 'Delivered', {
          who: 'run',
          target: e.branch,
          result: e.head_commit.slice(0, 8),
          state: 'ok',
        });
        break;
      case 'ended': {
        out.ended = e.ending;
        out.goesOn = false;
        halted = [...out.steps].filter(([, state]) => state === 'working').map(([name]) => name);
        const good = e.ending.state === 'ready' || e.ending.state === 'no_change';
        const error = e.ending.error;
        let asked = false;
        if (error?.code === 'question') {
          asked = out.question !== null;
          out.question ??= error.message;
        }
        const rest: StepState | null =
          e.ending.state === 'needs_input'
            ? 'asking'
            : e.ending.state === 'paused'
              ? 'waiting'
              : good
                ? null
                : 'failed';
        if (rest) for (const name of halted) out.steps.set(name, rest);
        add(
          item,
          e.ending.state === 'needs_input' ? 'question' : 'end',
          e.ending.state !== 'needs_input'
            ? words(e.ending.state)
            : error?.code === 'question'
              ? 'Waits for your answer'
              : 'Waits for you',
          {
            who: 'run',
            state: good
              ? 'ok'
              : e.ending.state === 'needs_input' || e.ending.state === 'paused'
                ? null
                : 'failed',
            body: error && !asked ? prose(said(error)) : null,
          },
        );
        break;
      }
    }
  }
  return out;
}

/** Why a role was taken, with the role called as its agents are. */
const why = (role: string, text: string): string =>
  text.startsWith(`${role} `) ? roleName(role) + text.slice(role.length) : text;

function meaning(
  out: Transcript,
  item: JournalItem,
  what: ToolMeaning | undefined,
  add: (item: JournalItem, kind: LineKind, verb: string, more?: Partial<Line>) => Line,
  step: (item: JournalItem, state: StepState) => void,
): void {
  if (!what || what === 'plain') return;
  if ('question' in what) {
    out.question = what.question;
    step(item, 'asking');
  } else if ('finish' in what) step(item, 'done');
  else if ('planned' in what) {
    out.plan = what.planned;
    step(item, 'done');
  } else if ('reviewed' in what) {
    const review = what.reviewed;
    step(item, review.approved ? 'done' : 'failed');
    const comments = (review.comments ?? []).map(
      (c) => `- ${c.severity}, \`${c.path}:${c.line}\`: ${c.body}`,
    );
    add(item, 'note', review.approved ? 'Approves' : 'Asks for changes', {
      key: `${item.seq}r`,
      state: review.approved ? 'ok' : 'failed',
      result: comments.length ? `${comments.length} comments` : '',
      body: prose([review.summary, ...comments].join('\n\n')),
    });
  }
}

const prose = (text: string): Line['body'] => ({ kind: 'prose', text });
const said = (error: Problem): string =>
  [error.message, advice(error)].filter(Boolean).map(sentence).join('\n\n');

/** What a person said to what the run waited for, or the plan that they put in place of the one that waited. */
function answer(text: string, plan?: Plan | null): [string, Partial<Line>] {
  if (plan)
    return [
      'You edited the plan',
      {
        who: 'you',
        body: prose(
          [
            plan.summary ?? '',
            ...plan.steps.map((s, i) => `${i + 1}. ${s.title} (${roleName(s.role)})`),
          ].join('\n'),
        ),
      },
    ];
  const other = /^Make another plan: ([\s\S]*)$/.exec(text);
  return [other ? 'You sent the plan back' : 'You answered', { who: 'you', body: prose(other?.[1] ?? text) }];
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What a model thought, as far as the provider gives it in words. */
function thinking(raw: string): string {
  const value = parse(raw);
  if (typeof value.thinking === 'string') return value.thinking;
  const parts = Array.isArray(value.summary) ? (value.summary as { text?: unknown }[]) : [];
  return parts.map((p) => (typeof p.text === 'string' ? p.text : '')).join('\n\n');
}

interface Said {
  verb: string;
  target: string;
  kind?: LineKind;
  result?: string;
  body?: Line['body'];
}

/** A tool call in words. A tool that isn't ours keeps its name. */
export function describe(name: string, args: Record<string, unknown>): Said {
  const text = (key: string): string => (typeof args[key] === 'string' ? (args[key] as string) : '');
  const path = oneLine(text('path'), 160);
  const lines = (value: string): number => (value ? value.replace(/\n$/, '').split('\n').length : 0);
  switch (name) {
    case 'read_file':
      return { verb: 'reads', target: path, result: args.offset ? `from line ${String(args.offset)}` : '' };
    case 'list_files':
      return { verb: 'lists', target: path || '.' };
    case 'search_code':
      return { verb: 'searches', target: oneLine(text('pattern'), 120), result: path && `in ${path}` };
    case 'find_symbol':
      return { verb: 'looks up', target: oneLine(text('name'), 120) };
    case 'edit_file': {
      const before = text('old_text');
      const after = text('new_text');
      return {
        verb: 'edits',
        target: path,
        result: `+${lines(after)} −${lines(before)}`,
        body: { kind: 'diff', text: [...minus(before), ...plus(after)].join('\n') },
      };
    }
    case 'write_file':
      return {
        verb: 'writes',
        target: path,
        result: `+${lines(text('content'))}`,
        body: { kind: 'diff', text: plus(text('content')).join('\n') },
      };
    case 'apply_patch':
      return { verb: 'applies a patch', target: '', body: { kind: 'diff', text: text('patch') } };
    case 'run_command':
      return { verb: 'runs', target: oneLine(text('command'), 200) };
    case 'run_tests':
      return { verb: 'runs the tests', target: oneLine(text('filter'), 120) };
    case 'update_plan': {
      const steps = Array.isArray(args.steps) ? (args.steps as { title?: string; status?: string }[]) : [];
      const done = steps.filter((s) => s.status === 'completed').length;
      return {
        verb: 'updates its list',
        target: '',
        result: `${done} of ${steps.length} done`,
        body: prose(
          steps
            .map(
              (s) =>
                `- ${s.status === 'completed' ? '✓' : s.status === 'in_progress' ? '●' : '○'} ${s.title ?? ''}`,
            )
            .join('\n'),
        ),
      };
    }
    case 'recall':
      return { verb: 'recalls', target: oneLine(text('query'), 120) };
    case 'ask_human':
      return { verb: 'asks you', target: '', kind: 'question', body: prose(text('question')) };
    case 'submit_plan':
      return { verb: 'submits the plan', target: '', body: prose(text('summary')) };
    case 'submit_review':
      return { verb: 'submits the review', target: '', body: prose(text('summary')) };
    case 'finish':
      return { verb: 'finishes', target: '', body: prose(text('summary')) };
    default:
      return { verb: 'uses', target: oneLine(name, 80) };
  }
}

const plus = (text: string): string[] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((l) => `+${l}`);
const minus = (text: string): string[] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((l) => `-${l}`);

/** How a tool call came out. A command that ends with another code than 0 did not fail as a call, but says so. */
function outcome(name: string, text: string, isError: boolean): { ok: boolean; words: string } {
  if (isError) return { ok: false, words: 'refused' };
  if (name === 'run_command' || name === 'run_tests') {
    const head = plain(text.slice(0, 4000));
    const tail = plain(text.slice(-4000));
    const failed = /\b(\d+) failed\b/.exec(tail) ?? /\b(\d+) failed\b/.exec(head);
    const code =
      /\bexit(?:ed)?(?: with)?(?: code| status)?:? (\d+)\b/i.exec(head) ??
      /\bexit(?:ed)?(?: with)?(?: code| status)?:? (\d+)\b/i.exec(tail);
    if (failed && Number(failed[1]) > 0) return { ok: false, words: `${failed[1]} failed` };
    if (code && Number(code[1]) !== 0) return { ok: false, words: `exit ${code[1]}` };
    const passed = /\b(\d+) passed\b/.exec(tail);
    return { ok: true, words: passed ? `${passed[1]} passed` : '' };
  }
  return { ok: true, words: '' };
}
