export default async function* report(source) {
  const put = (line) => JSON.stringify(line) + '\n';
  const names = [];
  const clip = (text) => (text.length > 4000 ? text.slice(0, 1000) + '\n[…]\n' + text.slice(-3000) : text);
  const words = (error) => {
    const cause = error?.cause ?? error;
    if (typeof cause === 'string') return cause;
    return String(cause?.stack ?? cause?.message ?? error?.message ?? '');
  };
  const place = (text, file) => {
    const hit = file && text.split('\n').find((line) => line.includes(file + ':'));
    const line = hit && /:(\d+):\d+/.exec(hit.slice(hit.indexOf(file)));
    return line ? Number(line[1]) : null;
  };
  const output = new Map();
  yield put({ e: 'begin', runner: 'node ' + process.version });
  for await (const { type, data } of source) {
    if (type === 'test:dequeue' || type === 'test:start') {
      if (type === 'test:start') {
        names.length = data.nesting;
        names[data.nesting] = data.name;
      }
      yield put({ e: 'start', file: data.file ?? null, names: type === 'test:start' ? names : [data.name] });
    } else if (type === 'test:stderr' || type === 'test:stdout') {
      output.set(data.file, ((output.get(data.file) ?? '') + data.message).slice(-3000));
      process.stderr.write(data.message);
    } else if (type === 'test:pass' || type === 'test:fail') {
      names.length = data.nesting;
      names[data.nesting] = data.name;
      const error = data.details?.error;
      const inherited = error?.failureType === 'subtestsFailed';
      if (data.details?.type === 'suite' && (type === 'test:pass' || inherited)) continue;
      const skipped = data.skip !== undefined && data.skip !== false || data.todo !== undefined && data.todo !== false;
      const status = skipped ? 'skipped' : type === 'test:pass' ? 'passed' : data.details?.type === 'suite' ? 'error' : 'failed';
      let message = type === 'test:fail' ? words(error) : '';
      if (message === 'test failed') message += '\n' + (output.get(data.file) ?? '');
      yield put({ e: 'node', status, file: data.file ?? null, names, message: clip(message), line: place(message, data.file) ?? data.line ?? null });
    }
  }
  yield put({ e: 'end', code: 0 });
}
