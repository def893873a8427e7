// Runs the audits of graphql-http against a server: `node audit.mjs URL TOKEN`. Exit 1 unless every MUST and SHOULD holds.
import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

let failed = 0;
const counts = {};
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  const level = audit.name.split(' ')[0];
  counts[level] ??= { ok: 0, all: 0 };
  counts[level].all += 1;
  if (result.status === 'ok') {
    counts[level].ok += 1;
    continue;
  }
  if (level !== 'MAY') failed += 1;
  console.log(`${result.status}: ${audit.id} ${audit.name}: ${result.reason ?? ''}`);
}
console.log(JSON.stringify(counts));
process.exit(failed ? 1 : 0);
