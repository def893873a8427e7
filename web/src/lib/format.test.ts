import { expect, it } from 'vitest';
import * as f from './format';

const now = Date.parse('2026-01-10T12:00:00Z');
const cases: [string, string, string][] = [
  ['money', f.money(0.4213), '$0.42'],
  ['money', f.money(0.00042), '$0.0004'],
  ['money', f.money(12345.6), '$12,346'],
  ['money', f.money(null), 'no price'],
  ['duration', f.duration(820), '820 ms'],
  ['duration', f.duration(1249), '1.2 s'],
  ['duration', f.duration(185_000), '3 m 05 s'],
  ['duration', f.duration(7_830_000), '2 h 10 m'],
  ['hours', f.hours(0.25), '15 min'],
  ['hours', f.hours(3.25), '3.3 h'],
  ['ago', f.ago('2026-01-10T11:59:58Z', now), 'now'],
  ['ago', f.ago('2026-01-10T11:59:20Z', now), '40 s'],
  ['ago', f.ago('2026-01-10T11:48:00Z', now), '12 m'],
  ['ago', f.ago('2026-01-05T11:48:00Z', now), '5 d'],
  ['ago', f.ago(null, now), 'never'],
  ['count', f.count(1234), '1,234'],
  ['count', f.count(12_345), '12.3 k'],
  ['metric', f.metric(0.5, 'ratio'), '50 %'],
  ['metric', f.metric(null, 'count'), '–'],
  ['metric', f.metric(1_500_000_000, 'bytes'), '1.5 GB'],
  ['plural', f.plural(1, 'task'), '1 task'],
  ['plural', f.plural(0, 'task'), '0 tasks'],
  ['words', f.words('technical_lead'), 'Technical lead'],
  ['short', f.short('0123456789abcdef'), '01234567'],
  ['short', f.short('task_01jd8zq0000000000abcdefgh'), 'abcdefgh'],
];
it.each(cases)('%s says %s', (_, said, want) => expect(said).toBe(want));
