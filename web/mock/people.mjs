// Sign-in, organization, members, tokens and policies of the mock.
import { now, page, session } from './answers.mjs';

export const people = [
  [
    'GET',
    /^\/setup$/,
    ({ w }) => ({
      data: {
        needed: w.setupNeeded,
        demo: false,
        branding: w.setupNeeded ? { name: null, accent: null, logo_url: null } : w.organization.branding,
        providers: [],
      },
    }),
  ],
  [
    'POST',
    /^\/setup$/,
    ({ w, body, fail }) => {
      if ((body.password ?? '').length < 10)
        return fail(
          400,
          'invalid_request',
          'The request is refused',
          'The password is too short.',
          'Take at least 10 characters.',
          [{ field: 'password', message: 'Take at least 10 characters.' }],
        );
      w.setupNeeded = false;
      w.signedIn = true;
      Object.assign(w.me, { name: body.name, email: body.email });
      w.organization.name = body.organization_name;
      return { status: 201, data: session(w) };
    },
  ],
  [
    'GET',
    /^\/session$/,
    ({ w, fail }) =>
      w.signedIn
        ? { data: session(w) }
        : fail(401, 'unauthorized', 'Sign in first', 'There is no session.', 'Sign in.'),
  ],
  [
    'POST',
    /^\/session$/,
    ({ w, body, fail }) => {
      if (body.password === 'wrong')
        return fail(
          401,
          'invalid_credentials',
          'That did not match',
          'E-mail and password don’t belong together.',
          'Check both, or ask an administrator for a sign-in link.',
        );
      if (body.password === 'totp' && !body.code)
        return fail(
          401,
          'totp_required',
          'A code is needed',
          'This account has a second factor.',
          'Enter the code of your authenticator app.',
        );
      w.signedIn = true;
      return { status: 201, data: session(w) };
    },
  ],
  ['DELETE', /^\/session$/, ({ w }) => void (w.signedIn = false)],
  [
    'POST',
    /^\/session\/link$/,
    ({ w }) => {
      w.signedIn = true;
      return { data: session(w) };
    },
  ],
  ['POST', /^\/session\/organization$/, ({ w }) => ({ data: session(w) })],
  ['GET', /^\/sessions$/, ({ w, query }) => page(w.sessions, query)],
  [
    'DELETE',
    /^\/sessions\/([^/]+)$/,
    ({ w }, id) => void (w.sessions = w.sessions.filter((s) => s.id !== id)),
  ],
  [
    'PATCH',
    /^\/me$/,
    ({ w, body, fail }) => {
      if (body.password && body.password.new.length < 10)
        return fail(400, 'invalid_request', 'The request is refused', 'The new password is too short.', '', [
          { field: 'password.new', message: 'Take at least 10 characters.' },
        ]);
      if (body.name) w.me.name = body.name;
      return { data: w.me };
    },
  ],
  [
    'POST',
    /^\/me\/totp$/,
    () => ({
      data: {
        secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
        uri: 'otpauth://totp/AAMAS:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=AAMAS',
      },
    }),
  ],
  [
    'POST',
    /^\/me\/totp\/confirm$/,
    ({ w }) => {
      w.me.totp = true;
      return {
        data: {
          recovery_codes: [
            '4f2k-99qa',
            '8d1m-2zzx',
            'p0r7-k3vt',
            '77hw-m4bn',
            'q2e9-x1cd',
            'n8v5-t6ry',
            '3gjs-u0lf',
            'w5ka-b9ph',
          ],
        },
      };
    },
  ],
  ['DELETE', /^\/me\/totp$/, ({ w }) => void (w.me.totp = false)],
  ['GET', /^\/organizations$/, ({ w, query }) => page(w.organizations, query)],
  [
    'POST',
    /^\/organizations$/,
    ({ w, body }) => {
      const o = {
        id: w.id('org'),
        name: body.name,
        role: 'owner',
        branding: { name: null, accent: null, logo_url: null },
        created_at: now(),
      };
      w.organizations.push(o);
      return { status: 201, data: o };
    },
  ],
  [
    'PATCH',
    /^\/organizations\/([^/]+)$/,
    ({ w, body }) => {
      if (body.name) w.organization.name = body.name;
      if (body.branding) {
        const { logo, ...rest } = body.branding;
        Object.assign(w.organization.branding, rest, logo === undefined ? {} : { logo_url: logo });
      }
      return { data: w.organization };
    },
  ],
  ['GET', /^\/organizations\/([^/]+)$/, ({ w }) => ({ data: w.organization })],
  ['GET', /^\/members$/, ({ w, query }) => page(w.members, query)],
  [
    'PATCH',
    /^\/members\/([^/]+)$/,
    ({ w, body }, id) => {
      const m = w.members.find((x) => x.user_id === id);
      m.role = body.role;
      return { data: m };
    },
  ],
  [
    'DELETE',
    /^\/members\/([^/]+)$/,
    ({ w }, id) => void (w.members = w.members.filter((m) => m.user_id !== id)),
  ],
  ['GET', /^\/invitations$/, ({ w, query }) => page(w.invitations, query)],
  [
    'POST',
    /^\/invitations$/,
    ({ w, body }) => {
      const i = {
        id: w.id('invitation'),
        email: body.email,
        role: body.role,
        created_at: now(),
        expires_at: new Date(Date.now() + 7 * 864e5).toISOString(),
      };
      w.invitations.unshift(i);
      return { status: 201, data: { ...i, link: `inv_${i.id.slice(-8)}` } };
    },
  ],
  [
    'POST',
    /^\/invitations\/accept$/,
    ({ w }) => {
      w.signedIn = true;
      return { data: session(w) };
    },
  ],
  [
    'DELETE',
    /^\/invitations\/([^/]+)$/,
    ({ w }, id) => void (w.invitations = w.invitations.filter((i) => i.id !== id)),
  ],
  ['GET', /^\/tokens$/, ({ w, query }) => page(w.tokens, query)],
  [
    'POST',
    /^\/tokens$/,
    ({ w, body }) => {
      const t = {
        id: w.id('token'),
        name: body.name,
        role: body.role,
        project_id: body.project_id ?? null,
        created_at: now(),
        last_used_at: null,
        expires_at: body.expires_in_days
          ? new Date(Date.now() + body.expires_in_days * 864e5).toISOString()
          : null,
      };
      w.tokens.unshift(t);
      return { status: 201, data: { ...t, token: 'example-token-shown-once' } };
    },
  ],
  ['DELETE', /^\/tokens\/([^/]+)$/, ({ w }, id) => void (w.tokens = w.tokens.filter((t) => t.id !== id))],
  ['GET', /^\/policies$/, ({ w, query }) => page(w.policies, query)],
  [
    'POST',
    /^\/policies$/,
    ({ w, body, fail }) => {
      if (!/^\s*(permit|forbid)/.test(body.text))
        return fail(
          400,
          'policy_invalid',
          'The policy can’t be read',
          'Line 1: expected `permit` or `forbid`.',
          'Begin the policy with one of them.',
        );
      const p = { id: w.id('policy'), enabled: false, created_at: now(), updated_at: now(), ...body };
      w.policies.unshift(p);
      return { status: 201, data: p };
    },
  ],
  [
    'PATCH',
    /^\/policies\/([^/]+)$/,
    ({ w, body }, id) => {
      const p = w.policies.find((x) => x.id === id);
      Object.assign(p, body, { updated_at: now() });
      return { data: p };
    },
  ],
  [
    'DELETE',
    /^\/policies\/([^/]+)$/,
    ({ w }, id) => void (w.policies = w.policies.filter((p) => p.id !== id)),
  ],
  [
    'POST',
    /^\/policies\/test$/,
    ({ w, body }) => ({
      data: {
        valid: /^\s*(permit|forbid)/.test(body.text),
        errors: /^\s*(permit|forbid)/.test(body.text)
          ? []
          : [{ message: 'expected `permit` or `forbid`', line: 1 }],
        requests: 1204,
        changed: [
          {
            principal: w.me.name,
            action: 'pull_requests.merge',
            resource: w.pulls[0]?.title ?? 'a pull request',
            before: 'allow',
            after: 'deny',
          },
        ],
      },
    }),
  ],
];
