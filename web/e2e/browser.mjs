// Starts Chromium: the one that the machine has; nothing is downloaded.
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch() {
  const executablePath =
    process.env.CHROMIUM ??
    execFileSync('bash', [
      '-c',
      'command -v chromium || command -v chromium-browser || command -v google-chrome',
    ])
      .toString()
      .trim();
  return chromium.launch({ executablePath, args: FLAGS, headless: true });
}
