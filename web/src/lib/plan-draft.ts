import type { Plan, PlanStep } from './api/types';

/** Roles that every installation has; a repository may add its own, which a plan already names. */
export const ROLES = [
  'developer',
  'developer_backend',
  'developer_frontend',
  'developer_data',
  'developer_devops',
  'developer_mobile',
  'developer_qa',
  'developer_security',
  'developer_docs',
];

/** A step as it stands in a form: lists are lines of text. */
export interface StepDraft {
  id: string;
  title: string;
  role: string;
  depends_on: string[];
  acceptance: string;
}

/** A plan as it stands in a form. */
export interface PlanDraft {
  title: string;
  summary: string;
  effort_hours: number;
  risks: string;
  steps: StepDraft[];
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

export function toDraft(plan: Plan): PlanDraft {
  return {
    title: plan.title,
    summary: plan.summary,
    effort_hours: plan.effort_hours,
    risks: (plan.risks ?? []).join('\n'),
    steps: plan.steps.map((step) => ({
      id: step.id,
      title: step.title,
      role: step.role,
      depends_on: [...(step.depends_on ?? [])],
      acceptance: (step.acceptance ?? []).join('\n'),
    })),
  };
}

/** What the server takes: the members of a plan and no other. */
export function fromDraft(draft: PlanDraft): Plan {
  return {
    summary: draft.summary.trim(),
    title: draft.title.trim(),
    steps: draft.steps.map((step): PlanStep => ({
      id: step.id,
      title: step.title.trim(),
      role: step.role,
      depends_on: step.depends_on,
      acceptance: lines(step.acceptance),
    })),
    effort_hours: Number(draft.effort_hours),
    risks: lines(draft.risks),
  };
}

/** Another step at the end; it begins after the last one. */
export function freshStep(steps: StepDraft[]): StepDraft {
  const taken = new Set(steps.map((step) => step.id));
  let n = steps.length + 1;
  while (taken.has(`step-${n}`)) n += 1;
  const last = steps.at(-1);
  return {
    id: `step-${n}`,
    title: '',
    role: last?.role ?? 'developer',
    depends_on: last ? [last.id] : [],
    acceptance: '',
  };
}

/** Without one step: what began after it begins after what that one began after. */
export function without(steps: StepDraft[], id: string): StepDraft[] {
  const gone = steps.find((step) => step.id === id);
  return steps
    .filter((step) => step.id !== id)
    .map((step) =>
      step.depends_on.includes(id)
        ? {
            ...step,
            depends_on: [
              ...new Set([...step.depends_on.filter((d) => d !== id), ...(gone?.depends_on ?? [])]),
            ],
          }
        : step,
    );
}

/** One place further up (-1) or down (1); what depends on what stays as it is. */
export function move(steps: StepDraft[], at: number, by: -1 | 1): StepDraft[] {
  const out = [...steps];
  const [step] = out.splice(at, 1);
  if (step) out.splice(at + by, 0, step);
  return out;
}
