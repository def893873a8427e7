'use strict';
// Queries by hand, against this server and no other.
const at = (id) => document.getElementById(id);

async function ask(query, variables) {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json', 'x-aamas-csrf': '1' };
  const token = at('token').value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return { status: response.status, body: await response.json() };
}

async function run() {
  const begun = performance.now();
  try {
    const variables = JSON.parse(at('variables').value || '{}');
    const { status, body } = await ask(at('query').value, variables);
    at('answer').textContent = JSON.stringify(body, null, 2);
    at('status').textContent = `${status}, ${(performance.now() - begun).toFixed(0)} ms`;
  } catch (error) {
    at('answer').textContent = String(error);
    at('status').textContent = '';
  }
}

const text = (type) =>
  type.kind === 'NON_NULL' ? `${text(type.ofType)}!` : type.kind === 'LIST' ? `[${text(type.ofType)}]` : type.name;

let types = [];

function show() {
  const words = at('find').value.toLowerCase();
  const place = at('schema');
  place.replaceChildren();
  for (const type of types) {
    const fields = [...(type.fields || []), ...(type.inputFields || [])];
    const own = type.name.toLowerCase().includes(words);
    const shown = own ? fields : fields.filter((field) => field.name.toLowerCase().includes(words));
    if (!own && !shown.length) continue;
    const details = document.createElement('details');
    details.open = words !== '';
    const summary = document.createElement('summary');
    summary.textContent = type.name;
    summary.title = type.description || '';
    details.append(summary);
    for (const field of shown) {
      const line = document.createElement('div');
      const code = document.createElement('code');
      const args = (field.args || []).map((arg) => `${arg.name}: ${text(arg.type)}`).join(', ');
      code.textContent = `${field.name}${args && `(${args})`}: ${text(field.type)}`;
      line.append(code, field.description ? ` ${field.description}` : '');
      details.append(line);
    }
    place.append(details);
  }
}

async function load() {
  const type = 'kind name ofType { kind name ofType { kind name ofType { kind name } } }';
  const query = `{ __schema { types { kind name description
    fields { name description args { name type { ${type} } } type { ${type} } }
    inputFields { name description type { ${type} } } } } }`;
  const { body } = await ask(query, {});
  types = ((body.data && body.data.__schema.types) || []).filter((one) => !one.name.startsWith('__'));
  show();
}

at('run').addEventListener('click', run);
at('find').addEventListener('input', show);
at('token').addEventListener('change', load);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run();
});
load();
