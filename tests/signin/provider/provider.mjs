// A real OpenID provider (npm oidc-provider) on loopback. Prints its issuer, reads one line of JSON with its client, then answers.
// Whoever signs in as `address#number` has that address; `address#unverified` has it unverified; any password will do.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const server = createServer();
await new Promise((up) => server.listen(0, "127.0.0.1", up));
const issuer = `http://127.0.0.1:${server.address().port}`;
process.stdout.write(`${issuer}\n`);
const [line] = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next().then((read) => [read.value]);
const client = JSON.parse(line);

const provider = new Provider(issuer, {
  clients: [{ ...client, grant_types: ["authorization_code"], response_types: ["code"] }],
  cookies: { keys: ["of-this-test"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
  findAccount: (_, id) => {
    const [email, kind] = id.split("#");
    return { accountId: id, claims: () => ({ sub: id, email, email_verified: kind !== "unverified", name: `Person of ${email}` }) };
  },
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});
const callback = provider.callback();

server.on("request", async (request, response) => {
  if (!request.url.startsWith("/login/")) return callback(request, response);
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end(
      `<!doctype html><html lang="en"><title>The provider</title><form method="post"><label>Who <input name="who"></label><button>Go on</button></form></html>`,
    );
  }
  let body = "";
  for await (const part of request) body += part;
  const who = new URLSearchParams(body).get("who");
  const result = who === "" ? { error: "access_denied", error_description: "the person left" } : { login: { accountId: who } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
});
process.stdout.write("ready\n");
