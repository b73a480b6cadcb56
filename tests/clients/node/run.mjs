// One story with openai-node, printed as JSON: node run.mjs BASE_URL API_KEY MODEL POLICY_JSON
import OpenAI from "openai";

const [baseURL, apiKey, model, policyText] = process.argv.slice(2);
const policy = JSON.parse(policyText);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello" }];
const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
    },
  },
];
const schema = {
  type: "json_schema",
  json_schema: {
    name: "weather",
    strict: true,
    schema: {
      type: "object",
      properties: { city: { type: "string" }, degrees: { type: "number" } },
      required: ["city", "degrees"],
      additionalProperties: false,
    },
  },
};
const picture = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };

const whole = (more) => client.chat.completions.create({ model, messages, ...policy, ...more });

async function streamed(more) {
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ model, messages, ...policy, stream: true, ...more })) {
    chunks.push(chunk);
  }
  return chunks;
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, type: error.type ?? null, error: error.error ?? null };
  }
  return null;
}

async function cancelled() {
  const controller = new AbortController();
  let seen = 0;
  const stream = await client.chat.completions.create(
    { model, messages, ...policy, stream: true },
    { signal: controller.signal },
  );
  for await (const _ of stream) {
    seen += 1;
    if (seen === 2) controller.abort();
  }
  return seen >= 2;
}

const first = await whole({}).withResponse();
const story = {
  headers: Object.fromEntries([...first.response.headers].filter(([name]) => name.startsWith("x-anyapi-"))),
  transcript: {
    plain: first.data,
    stream: await streamed({ stream_options: { include_usage: true } }),
    tool: await whole({ tools, tool_choice: "required" }),
    toolStream: await streamed({ tools, tool_choice: "required" }),
    structured: await whole({ response_format: schema }),
    parsed: (await client.chat.completions.parse({ model, messages, ...policy, response_format: schema })).choices[0].message.content,
    image: await whole({ messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, picture] }] }),
    cancelled: await cancelled(),
  },
  failures: {
    key: await failure(new OpenAI({ baseURL, apiKey: "anyapi_sk_wrong", maxRetries: 0 }).chat.completions.create({ model, messages })),
    model: await failure(whole({ model: "acme/nothing" })),
    denied: await failure(whole({ data_policy: { retention_days: 0, providers: { only: ["sim-30d"] } } })),
    deniedStream: await failure(streamed({ data_policy: { retention_days: 0, providers: { only: ["sim-30d"] } } })),
    limited: await failure(whole({ model: "acme/limited", data_policy: undefined })),
    overloaded: await failure(whole({ model: "acme/overloaded", data_policy: undefined })),
    broken: await failure(streamed({ model: "acme/broken-off", data_policy: undefined })),
  },
};
console.log(JSON.stringify(story));
