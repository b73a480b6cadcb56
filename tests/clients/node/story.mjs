// What the stories share. A story gets its targets as JSON on stdin and prints what the SDK gave for each form at each of them.
import { readFileSync } from "node:fs";
import { z } from "zod";

export const weather = z.strictObject({ city: z.string(), degrees: z.number(), windy: z.boolean() });
export const place = z.strictObject({ city: z.string(), days: z.number().int().min(1) });
export const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** Everything that an asynchronous sequence gives. */
export async function collect(sequence) {
  const all = [];
  for await (const each of sequence) all.push(each);
  return all;
}

/** The headers that the gateway adds to an answer. */
export const ours = (response) => Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("x-anyapi-")));

/** A stream, left after five events; and what the provider's ledger has to say of it, while this process is still there. */
export async function cancelled(ledger, open) {
  const controller = new AbortController();
  const seen = [];
  let raised = null;
  let leftAt = 0;
  try {
    for await (const event of await open(controller.signal)) {
      seen.push(event);
      if (seen.length !== 5) continue;
      leftAt = performance.now();
      controller.abort();
    }
  } catch (error) {
    raised = error.name;
  }
  const { entries } = await (await fetch(`${ledger}/ledger?wait=5`)).json();
  const { outcome, chunks_sent: sent } = entries.at(-1);
  return { seen, raised, provider: { outcome, sent, requests: entries.length, milliseconds: performance.now() - leftAt } };
}

/** An error as an application can tell it from others. */
function described(error) {
  const { name, type, code, isRetryable, cause, lastError } = error;
  return {
    kind: error.constructor.name,
    name,
    status: error.status ?? error.statusCode ?? null,
    type: type ?? null,
    code: code ?? null,
    body: error.error ?? error.data ?? null,
    message: String(error.message),
    retryable: isRetryable ?? null,
    reason: cause ? described(cause) : lastError ? described(lastError) : null,
  };
}

async function outcome(make) {
  try {
    return { value: await make() };
  } catch (error) {
    return { raised: described(error) };
  }
}

/** Tell the story: `formsOf(target)` gives functions by name; a target may name those that it wants. */
export async function tell(formsOf) {
  const told = {};
  for (const target of JSON.parse(readFileSync(0, "utf8"))) {
    const forms = formsOf(target);
    told[target.name] = {};
    for (const name of target.forms ?? Object.keys(forms)) told[target.name][name] = await outcome(forms[name]);
  }
  console.log(JSON.stringify(told));
}
