import type { PlanStep } from './api/types';

/** A step in its place. `column` from 0, left to right; `row` from 0 within the column. */
export interface Placed {
  step: PlanStep;
  column: number;
  row: number;
}

export interface Graph {
  nodes: Placed[];
  /** Ids, from what is needed to what needs it; those that follow from others are left out. */
  edges: [string, string][];
  columns: number;
  rows: number;
}

/** Columns by the longest way from the start, so that every arrow points to the right; rows near what they depend on. */
export function layout(steps: PlanStep[]): Graph {
  const byId = new Map(steps.map((s) => [s.id, s]));
  const column = new Map<string, number>();
  const depth = (id: string, seen: Set<string>): number => {
    const known = column.get(id);
    if (known !== undefined) return known;
    if (seen.has(id)) return 0;
    seen.add(id);
    const needs = (byId.get(id)?.depends_on ?? []).filter((d) => byId.has(d));
    const value = needs.length ? Math.max(...needs.map((d) => depth(d, seen))) + 1 : 0;
    column.set(id, value);
    return value;
  };
  for (const step of steps) depth(step.id, new Set());

  const columns: PlanStep[][] = [];
  for (const step of steps) (columns[column.get(step.id) ?? 0] ??= []).push(step);
  const rowOf = new Map<string, number>();
  const nodes: Placed[] = [];
  for (const [c, members] of columns.entries()) {
    const wish = (s: PlanStep): number => {
      const rows = (s.depends_on ?? []).map((d) => rowOf.get(d)).filter((r) => r !== undefined);
      return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : 0;
    };
    const sorted = [...(members ?? [])].sort((a, b) => wish(a) - wish(b));
    sorted.forEach((step, row) => {
      rowOf.set(step.id, row);
      nodes.push({ step, column: c, row });
    });
  }
  const reaches = (from: string, to: string): boolean =>
    (byId.get(to)?.depends_on ?? []).some(
      (d) =>
        byId.has(d) && (column.get(d) ?? 0) >= (column.get(from) ?? 0) && (d === from || reaches(from, d)),
    );
  const edges: [string, string][] = [];
  for (const step of steps)
    for (const need of step.depends_on ?? []) {
      if (!byId.has(need)) continue;
      // The longest plans have too many ways to look at each: there all arrows are drawn.
      const implied =
        steps.length <= 60 &&
        (step.depends_on ?? []).some((o) => o !== need && byId.has(o) && reaches(need, o));
      if (!implied) edges.push([need, step.id]);
    }
  return { nodes, edges, columns: columns.length, rows: Math.max(0, ...columns.map((c) => c?.length ?? 0)) };
}

/** The steps that a run without a planner has, so that its plan can be drawn as well. */
export function stepsOfAttempts(attempts: { step: string; role: string; seat: string }[]): PlanStep[] {
  const order = ['planner', 'architecture', 'builder', 'reviewer'];
  const seen = new Map<string, { step: string; role: string; seat: string }>();
  for (const a of attempts) if (!seen.has(a.step)) seen.set(a.step, a);
  const sorted = [...seen.values()].sort((a, b) => order.indexOf(a.seat) - order.indexOf(b.seat));
  return sorted.map((a, i) => ({
    id: a.step,
    title: a.step,
    role: a.role,
    depends_on: sorted[i - 1] && sorted[i - 1]?.seat !== a.seat ? [sorted[i - 1]?.step ?? ''] : [],
  }));
}
