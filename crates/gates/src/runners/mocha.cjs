const fs = require('fs');
const path = process.env.AAMAS_REPORT;
const put = (line) => fs.appendFileSync(path, JSON.stringify(line) + '\n');
const clip = (text) => (text.length > 4000 ? text.slice(0, 1000) + '\n[…]\n' + text.slice(-3000) : text);
const names = (test) => {
  const all = [];
  for (let at = test; at && !at.root; at = at.parent) if (at.title) all.unshift(at.title);
  return all;
};
const place = (text, file) => {
  const hit = file && text.split('\n').find((line) => line.includes(file + ':'));
  const line = hit && /:(\d+):\d+/.exec(hit.slice(hit.indexOf(file)));
  return line ? Number(line[1]) : null;
};
module.exports = class {
  constructor(runner) {
    const done = (test, status, error) => {
      const message = error ? String(error.stack || error.message || error) : '';
      put({ e: 'node', status, file: test.file || null, names: names(test), message: clip(message), line: place(message, test.file) });
    };
    put({ e: 'begin', runner: 'mocha' });
    runner.on('test', (test) => put({ e: 'start', file: test.file || null, names: names(test) }));
    runner.on('pass', (test) => done(test, 'passed'));
    runner.on('pending', (test) => done(test, 'skipped'));
    runner.on('fail', (test, error) => done(test, test.type === 'hook' ? 'error' : 'failed', error));
    runner.on('end', () => put({ e: 'end', code: 0, empty: runner.total === 0 }));
  }
};
