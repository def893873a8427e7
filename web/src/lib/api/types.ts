/**
 * The objects of the HTTP API under the names that the dashboard uses. All of them come from `schema.d.ts`, which `make gen` makes
 * from the server's own description; nothing is written here a second time.
 */
import type { components } from './schema';

type Schemas = components['schemas'];

/** RFC 3339, UTC. */
export type Time = string;

/** A page of any list. */
export type List<T> = Omit<Schemas['PageOf_Task'], 'items'> & { items: T[]; total?: number };

/** `T` with some members left open. */
type Open<T, K extends keyof T, With> = Omit<T, K> & With;
/** Of several shapes with one member each: all members, of which one is there. */
type OneOf<U> = { [K in U extends unknown ? keyof U : never]?: U extends Record<K, infer V> ? V : never };
/** Each of several shapes, without having to say some of its members. */
type Told<U, K extends PropertyKey> = U extends unknown
  ? Omit<U, K> & Partial<Pick<U, Extract<keyof U, K>>>
  : never;

export type Role = Schemas['Role'];
export type TokenRole = Schemas['TokenRole'];
export type Branding = Schemas['Branding'];
export type User = Schemas['WhoUser'];
export type Organization = Schemas['Organization'];
export type Session = Schemas['Who'];
export type SessionLine = Schemas['SessionLine'];
export type Setup = Schemas['Setup'];
export type Member = Schemas['Member'];
/** With its link only where it has just been made. */
export type Invitation = Schemas['Invitation'] & Partial<Pick<Schemas['InvitationWithLink'], 'link'>>;
/** With its secret only where it has just been made. */
export type Token = Schemas['Token'] & Partial<Pick<Schemas['TokenWithSecret'], 'token'>>;
export type Policy = Schemas['Policy'];
export type PolicyTest = Schemas['TrialReport'];

export type ProjectStatus = Schemas['ProjectStatus'];
export type Project = Schemas['Project'];
export type AgentType = Schemas['AgentType'];
export type AgentStatus = Schemas['AgentStatus'];
export type Performance = Schemas['Performance'];
export type Agent = Schemas['Agent'];

export type TaskType = Schemas['TaskType'];
export type Priority = Schemas['Priority'];
export type TaskStatus = Schemas['TaskStatus'];
export type Candidate = Schemas['Candidate'];
/** Why something came to nothing. */
export type Problem = Schemas['Failure'];
/** A task of a project: those of the command line have none. */
export type Task = Open<Schemas['Task'], 'project_id', { project_id: string }>;
export type NewTask = Schemas['NewTask'];

export type RunStatus = Schemas['RunStatus'];
export type Verdict = Schemas['GateVerdict'];
export type PlanStep = Schemas['PlanStep'];
export type Analysis = Schemas['Analysis'];
/** In a run's document with what it was made from; in its journal the plan alone. */
export type Plan = Schemas['Plan'] & Partial<Omit<Schemas['PlanLine'], keyof Schemas['Plan']>>;
export type AttemptLine = Schemas['AttemptLine'];
export type RunDocument = Schemas['RunDocument'];
export type Run = Schemas['Run'];

export type Usage = Schemas['TokenUsage'];
/** A part of a model's answer: exactly one member is there. */
export type Block = OneOf<Schemas['Block']>;
/** Gates of a later server may have other names. */
export type GateResult = Open<Schemas['GateResult'], 'name', { name: string }>;
/** One entry of a journal, by its `entry`. What the transcript does not read need not be said. */
export type Entry =
  | Told<
      Exclude<Schemas['Entry'], { entry: 'created' | 'model_answered' | 'gates_judged' | 'spent' }>,
      'tree' | 'limits'
    >
  | {
      entry: 'created';
      settings: Told<Schemas['RunSettings'], Exclude<keyof Schemas['RunSettings'], 'task' | 'model'>>;
    }
  | Open<Extract<Schemas['Entry'], { entry: 'model_answered' }>, 'blocks', { blocks: Block[] }>
  | Told<
      Open<Extract<Schemas['Entry'], { entry: 'gates_judged' }>, 'results', { results: GateResult[] }>,
      'tree'
    >
  | Told<Extract<Schemas['Entry'], { entry: 'spent' }>, 'usage'>;
export type ToolMeaning = Schemas['ToolMeaning'];
export type JournalItem = Told<Open<Schemas['JournalEntry'], 'entry', { entry: Entry }>, 'taint'>;

export type PullRequestStatus = Schemas['PullRequestStatus'];
export type Gate = GateResult;
export type Comment = Schemas['Comment'];
/** Counts are null for a binary file, which adds nothing to a sum. */
export type PullRequestFile = Open<
  Schemas['ChangedFile'],
  'added' | 'removed' | 'status',
  { added: number; removed: number; status: string }
>;
/** A pull request of a project: those of the command line have none. */
export type PullRequest = Open<
  Schemas['PullRequestView'],
  'project_id' | 'task_id' | 'files',
  { project_id: string; task_id: string; files: PullRequestFile[] }
>;

export type Metric = Schemas['MetricView'];
export type Panel = Schemas['PanelView'];
export type Timeframe = Schemas['Timeframe'];
export type Analytics = Schemas['Analytics'];
export type Fact = Schemas['FactLine'];
export type Need = Schemas['Need'];

export type CostLine = Schemas['CostLine'];
/** Days without a run are filled in by the page. */
export type Cost = Open<
  Schemas['Cost'],
  'by_day',
  { by_day: Pick<Schemas['DayLine'], 'day' | 'cost_usd' | 'runs'>[] }
>;

export type AuditEntry = Schemas['AuditEntry'];
export type Checkpoint = Schemas['Checkpoint'];
export type AuditVerification = Schemas['Verification'];
export type Receipt = Schemas['Receipt'];

/** The price of a default that is in no list is not known. */
export type ModelLine = Told<
  Open<
    Schemas['Model'],
    'input_usd_per_million' | 'cached_usd_per_million' | 'output_usd_per_million',
    {
      input_usd_per_million: number | null;
      cached_usd_per_million: number | null;
      output_usd_per_million: number | null;
    }
  >,
  'note' | 'cached_usd_per_million'
>;
export type Models = Open<Schemas['Models'], 'items', { items: ModelLine[] }>;

export type Operation = Schemas['OperationView'];

/** What the WebSocket sends (docs/api.md): not part of the description, which is of REST alone. */
export interface CloudEvent {
  id: string;
  type: string;
  subject: string;
  time: Time;
  data: Record<string, unknown>;
}
