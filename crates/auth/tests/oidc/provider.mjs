// A certified OpenID provider on a free port. Whoever `login_hint` names is signed in at once.
// Usage: node provider.mjs [--claims-in-id-token]. Prints its issuer, and ends when its standard input does.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';

// Standard output is for the issuer alone.
console.info = console.error;
console.warn = console.error;

const people = {
  ada: { email: 'ada@example.org', email_verified: true, name: 'Ada', groups: ['staff', 'leads'] },
  eve: { email: 'eve@example.org', email_verified: false, name: 'Eve', groups: ['leads'] },
  bob: { email: 'bob@example.org', email_verified: true, name: 'Bob', groups: ['guests'] },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'aamas',
        client_secret: 'a secret: with+signs%',
        redirect_uris: ['https://aamas.example/callback'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    conformIdTokenClaims: !process.argv.includes('--claims-in-id-token'),
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    findAccount: (ctx, id) =>
      people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  provider.on('server_error', (ctx, error) => console.error(error));

  async function interact(request, response) {
    const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      const result = people[params.login_hint]
        ? { login: { accountId: params.login_hint } }
        : { error: 'access_denied', error_description: 'nobody is called that' };
      return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const known = grantId && (await provider.Grant.find(grantId));
    const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const result = { consent: { grantId: await grant.save() } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }

  const handle = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) return handle(request, response);
    interact(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  console.log(issuer);
});
process.stdin.resume().on('end', () => process.exit(0));
