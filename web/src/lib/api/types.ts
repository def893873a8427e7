/**
 * The objects of the HTTP API, as the server answers them (`/openapi.json`). Objects that it hands on as they are (gates, a run's
 * document, entries of a journal) have their shape only here.
 */

/** RFC 3339, UTC. */
export type Time = string;

export interface List<T> {
  items: T[];
  next_cursor: string | null;
  total?: number;
}

export type Role = 'owner' | 'admin' | 'maintainer' | 'developer' | 'reviewer' | 'viewer' | 'auditor';
export type TokenRole = Role | 'agent' | 'ci';

export interface Branding {
  name: string | null;
  accent: string | null;
  logo_url: string | null;
}

export interface User {
  id: string;
  name: string;
  email: string;
  totp?: boolean;
}

export interface Organization {
  id: string;
  name: string;
  role?: Role;
  branding: Branding;
  created_at?: Time;
}

export interface Session {
  user: User | null;
  organization: Organization;
  role: TokenRole;
  permissions: string[];
  token: { id: string; name: string } | null;
}

export interface SessionLine {
  id: string;
  created_at: Time;
  last_used_at: Time | null;
  expires_at: Time;
  user_agent: string | null;
  address: string | null;
  current: boolean;
}

export interface Setup {
  needed: boolean;
  demo: boolean;
  branding: Branding;
  providers: { id: string; name: string }[];
}

export interface Member {
  user_id: string;
  name: string;
  email: string;
  role: Role;
  joined_at: Time;
  last_active: Time | null;
}

export interface Invitation {
  id: string;
  email: string;
  role: Role;
  created_at: Time;
  expires_at: Time;
  link?: string;
}

export interface Token {
  id: string;
  name: string;
  role: TokenRole;
  project_id: string | null;
  created_at: Time;
  last_used_at: Time | null;
  expires_at: Time | null;
  token?: string;
}

export interface Policy {
  id: string;
  name: string;
  text: string;
  enabled: boolean;
  builtin?: boolean;
  created_at: Time;
  updated_at: Time;
}

export interface PolicyTest {
  valid: boolean;
  errors: { message: string; line?: number }[];
  requests: number;
  changed: { action: string; resource: string; principal: string; before: string; after: string }[];
}

export type ProjectStatus = 'preparing' | 'active' | 'failed' | 'archived';

export interface Project {
  id: string;
  name: string;
  organization_id: string;
  repository_url: string;
  tech_stack: string[];
  agents_assigned: string[];
  configuration: Record<string, unknown>;
  requirements: Record<string, unknown>;
  status: ProjectStatus;
  status_detail: string | null;
  default_branch: string | null;
  created_at: Time;
  updated_at: Time;
}

export type AgentType = 'technical_lead' | 'architecture' | 'developer' | 'reviewer';
export type AgentStatus = 'idle' | 'working' | 'offline' | 'retired';

export interface Performance {
  tasks_completed: number;
  tasks_failed: number;
  success_rate: number | null;
  average_turn_seconds: number | null;
  average_cost_usd: number | null;
  error_rate: number | null;
}

export interface Agent {
  id: string;
  name: string;
  type: AgentType;
  specialization: string | null;
  model_version: string | null;
  capabilities: string[];
  current_projects: string[];
  current_tasks: string[];
  performance_metrics: Performance;
  status: AgentStatus;
  last_active: Time | null;
  created_at: Time;
}

export type TaskType = 'feature' | 'fix' | 'refactor' | 'test' | 'docs' | 'chore';
export type Priority = 'low' | 'medium' | 'high' | 'critical';
export type TaskStatus =
  'submitted' | 'working' | 'input_required' | 'paused' | 'completed' | 'failed' | 'canceled';

export interface Candidate {
  agent_id: string;
  name: string;
  score: number;
  reasons: string[];
}

export interface Problem {
  code: string;
  message: string;
  hint: string;
}

export interface Task {
  id: string;
  project_id: string;
  number: number;
  title: string;
  description: string;
  type: TaskType;
  priority: Priority;
  status: TaskStatus;
  assigned_agent: string | null;
  assignment: { reason: string; score: number | null; candidates: Candidate[] } | null;
  requirements: Record<string, unknown>;
  dependencies: string[];
  estimated_effort: number | null;
  effort_interval: { low: number; high: number } | null;
  actual_effort: number | null;
  quality_score: number | null;
  risk: { level: string; reasons: string[] } | null;
  due_date: Time | null;
  run_id: string | null;
  pull_request_id: string | null;
  cost_usd: number | null;
  error: Problem | null;
  created_at: Time;
  updated_at: Time;
}

export interface NewTask {
  description: string;
  title?: string;
  type?: TaskType;
  priority?: Priority;
  dependencies?: string[];
  due_date?: string;
  model?: string;
  budget_usd?: number;
  max_turns?: number;
  solo?: boolean;
  plan_only?: boolean;
  base?: string;
  start?: boolean;
}

export type RunStatus =
  | 'queued'
  | 'running'
  | 'paused'
  | 'interrupted'
  | 'needs_input'
  | 'limit_reached'
  | 'failed'
  | 'ready'
  | 'no_change'
  | 'gates_failed'
  | 'canceled';

export type Verdict = 'passed' | 'failed' | 'skipped' | 'error';

export interface PlanStep {
  id: string;
  title: string;
  role: string;
  depends_on?: string[];
  acceptance?: string[];
}

export interface Analysis {
  kind: string;
  effort: number;
  effort_low: number;
  effort_high: number;
  capabilities: string[];
  risk: string;
  reasons: string[];
}

export interface Plan {
  summary: string;
  title: string;
  steps: PlanStep[];
  effort_hours: number;
  risks?: string[];
  analysis?: Analysis;
  cost_usd?: { low: number; middle: number; high: number } | null;
}

export interface AttemptLine {
  attempt: number;
  seat: string;
  step: string;
  role: string;
  model: string;
  turns: number;
  state: string;
}

/** What the engine says of a run once there is something to say. */
export interface RunDocument {
  base_commit: string;
  head_commit: string | null;
  pull_request: { id: string; title: string; url: string } | null;
  gates: { name: string; verdict: Verdict; summary: string }[];
  usage: { input_tokens: number; cached_tokens: number; output_tokens: number; cost_usd: number | null };
  turns: number;
  duration_ms: number;
  sandbox: string | null;
  error: Problem | null;
  plan?: Plan | null;
  attempts?: AttemptLine[];
}

export interface Run {
  id: string;
  task_id: string;
  project_id: string | null;
  title: string;
  status: RunStatus;
  model: string;
  branch: string | null;
  /** How far its journal goes. */
  journal_seq: number;
  spent: {
    cost_usd: number | null;
    limit_usd: number | null;
    calls: number;
    input_tokens: number;
    output_tokens: number;
  };
  /** Not in lists, and not before the engine has said anything. */
  document: RunDocument | null;
  created_at: Time;
  updated_at: Time;
}

export interface Usage {
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
}

/** A part of a model's answer: exactly one member is there. */
export interface Block {
  text?: string;
  tool_call?: { id: string; name: string; arguments: string };
  reasoning?: string;
}

export interface GateResult {
  name: string;
  verdict: Verdict;
  summary: string;
  reason?: string;
  evidence?: unknown;
}

/** One entry of a journal, by its `entry` member. Members that the transcript does not read are left out. */
export type Entry =
  | { entry: 'created'; settings: { task: string; model: string; role?: string; warnings?: string[] } }
  | { entry: 'resumed'; model: string; yes: boolean }
  | { entry: 'analyzed'; analysis: Analysis }
  | {
      entry: 'begun';
      attempt: number;
      seat: string;
      step: string;
      number: number;
      role: string;
      model: string;
      why: string;
    }
  | { entry: 'prepared'; sandbox: string; layers: string[]; system?: string; opening?: string }
  | { entry: 'model_intended'; turn: number }
  | {
      entry: 'model_answered';
      turn: number;
      blocks: Block[];
      usage: Usage;
      cost: number | null;
      model: string;
      wall_ms: number;
    }
  | { entry: 'model_failed'; turn: number; error: Problem; cost: number | null }
  | { entry: 'tool_intended'; turn: number; index: number; effect: string }
  | {
      entry: 'tool_finished';
      turn: number;
      index: number;
      text: string;
      is_error: boolean;
      meaning?: ToolMeaning;
      outputs?: [string, string][];
      wall_ms: number;
    }
  | { entry: 'steered' | 'answered'; text: string }
  | { entry: 'fell_back'; from: string; to: string; reason: string }
  | { entry: 'compact_intended'; turn: number; number: number }
  | { entry: 'compacted'; folded: number; by: string; cost: number | null }
  | { entry: 'agent_intended'; turn: number; prompt: string }
  | { entry: 'agent_acted'; turn: number; index: number; tool: string; text: string; is_error: boolean }
  | {
      entry: 'agent_ended';
      turn: number;
      summary: string;
      cost: number | null;
      error?: Problem | null;
      wall_ms: number;
    }
  | { entry: 'sent_back'; text: string; by: string }
  | { entry: 'gave_up'; error: Problem }
  | { entry: 'merged'; steps: string[]; conflicts: [string, string][] }
  | { entry: 'chosen'; attempt: number; why: string }
  | { entry: 'spent'; cost: number | null }
  | { entry: 'rewound'; seq: number }
  | { entry: 'restored'; tree: string }
  | { entry: 'gates_intended'; round: number }
  | { entry: 'gates_judged'; round: number; results: GateResult[]; protected?: string[] }
  | { entry: 'repair_intended' }
  | { entry: 'repair_ended'; report: string; error?: Problem | null }
  | { entry: 'delivery_intended'; branch: string }
  | { entry: 'delivered'; head_commit: string; branch: string }
  | { entry: 'ended'; ending: { state: string; error: Problem | null } };

export type ToolMeaning =
  | 'plain'
  | { plan: { title: string; status: string }[] }
  | { question: string }
  | { finish: { summary: string; title?: string | null; follow_ups?: string[] } }
  | { planned: Plan }
  | {
      reviewed: {
        approved: boolean;
        summary: string;
        comments?: { path: string; line: number; body: string; severity: string }[];
      };
    };

export interface JournalItem {
  seq: number;
  /** 0: the run as a whole. */
  attempt: number;
  at: Time;
  kind: string;
  entry: Entry;
}

export type PullRequestStatus = 'draft' | 'open' | 'applied' | 'merged' | 'closed';

export interface Gate {
  name: string;
  verdict: Verdict;
  summary: string;
  reason?: string;
  evidence?: unknown;
}

export interface Comment {
  id: string;
  author: string;
  path: string | null;
  line: number | null;
  body: string;
  resolved: boolean;
  at: Time;
}

export interface PullRequestFile {
  path: string;
  status: string;
  added: number;
  removed: number;
}

export interface PullRequest {
  id: string;
  project_id: string;
  run_id: string;
  task_id: string;
  title: string;
  description: string;
  status: PullRequestStatus;
  branch: string;
  /** Null: the branch that the repository had checked out. */
  target: string | null;
  base_commit: string;
  head_commit: string;
  labels: string[];
  reviewers: string[];
  files: PullRequestFile[];
  gates: Gate[];
  comments: Comment[];
  approvals: { author: string; head_commit: string; at: Time }[];
  created_at: Time;
  updated_at: Time;
}

export interface Metric {
  key: string;
  title: string;
  unit: string;
  value: number | null;
  previous: number | null;
  series: { at: Time; value: number | null }[];
  facts: { query: string };
  note?: string | null;
}

export interface Panel {
  key: string;
  title: string;
  metrics: Metric[];
}

export type Timeframe = '24h' | '7d' | '30d' | '90d';

export interface Analytics {
  organization_id: string;
  timeframe: Timeframe;
  from: Time;
  to: Time;
  panels: Panel[];
}

export interface CostLine {
  key: string;
  label: string;
  cost_usd: number | null;
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  runs: number;
}

export interface Cost {
  since: Time;
  until: Time;
  total_usd: number | null;
  unpriced_runs: number;
  by_model: CostLine[];
  by_role: CostLine[];
  by_day: { day: string; cost_usd: number | null; runs: number }[];
  by_project: CostLine[];
  by_task: CostLine[];
}

export interface AuditEntry {
  seq: number;
  at: Time;
  actor: { kind: string; id: string; name?: string | null };
  action: string;
  subject: { kind: string; id: string } | null;
  outcome: 'done' | 'denied' | 'failed';
  detail: Record<string, unknown>;
  request_id?: string | null;
  hash: string;
}

export interface Checkpoint {
  id: string;
  seq: number;
  at: Time;
  hash: string;
  key_id: string;
}

export interface AuditVerification {
  valid: boolean;
  entries: number;
  checkpoints: number;
  first_problem: { seq: number; what: string } | null;
}

export interface Receipt {
  id: string;
  at: Time;
  principal: string;
  action: string;
  resource: string;
  decision: 'allow' | 'deny';
  policies: string[];
  reason: string;
}

export interface ModelLine {
  id: string;
  provider: string;
  name: string;
  configured: boolean;
  note?: string | null;
  input_usd_per_million: number | null;
  cached_usd_per_million?: number | null;
  output_usd_per_million: number | null;
  context_tokens: number | null;
}

export interface Models {
  providers: { id: string; name: string; configured: boolean; hint?: string | null }[];
  items: ModelLine[];
  default: string;
}

export interface Operation {
  id: string;
  status: 'running' | 'succeeded' | 'failed';
  result?: unknown;
  error?: Problem | null;
}

export interface CloudEvent {
  id: string;
  type: string;
  subject: string;
  time: Time;
  data: Record<string, unknown>;
}
