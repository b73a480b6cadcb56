// openai-node: chat completions, responses, embeddings.
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { cancelled, collect, ours, picture, place, tell, weather } from "./story.mjs";

const tool = { name: "weather", description: "Weather of a city", parameters: place.toJSONSchema() };
const image = `data:image/png;base64,${picture}`;

/** A tool is called until the model has words; every answer. `ask` gives the answer to a list of messages. */
async function loop(ask, read) {
  const history = [{ role: "user", content: "use the tool" }];
  const answers = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const answer = await ask(history);
    answers.push(answer);
    const more = read(answer);
    if (more.length === 0) break;
    history.push(...more);
  }
  return answers;
}

function afterChat(completion) {
  const { message } = completion.choices[0];
  const calls = message.tool_calls ?? [];
  return calls.length ? [message, ...calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "Sunny" }))] : [];
}

function afterResponse(response) {
  const calls = response.output.filter((item) => item.type === "function_call");
  return calls.length ? [...response.output, ...calls.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "Sunny" }))] : [];
}

function chat(client, target, usual) {
  const { completions } = client.chat;
  const fields = { model: target.model, messages: [{ role: "user", content: "Hello" }], ...usual };
  const tools = [{ type: "function", function: tool }];
  const streamed = { ...fields, stream: true, stream_options: { include_usage: true } };
  return {
    "chat plain": () => completions.create(fields),
    "chat stream": async () => collect(await completions.create(streamed)),
    "chat helper": async () => {
      const stream = completions.stream(fields);
      return [await collect(stream), await stream.finalChatCompletion()];
    },
    "chat tools": () => loop((messages) => completions.create({ ...fields, messages, tools }), afterChat),
    "chat tools stream": () => loop((messages) => completions.stream({ ...fields, messages, tools }).finalChatCompletion(), afterChat),
    "chat runner": async () => {
      const runnable = { ...tool, parse: JSON.parse, function: ({ city }) => `Sunny in ${city}` };
      const messages = [{ role: "user", content: "use the tool" }];
      const runner = completions.runTools({ ...fields, messages, tools: [{ type: "function", function: runnable }] });
      return [await runner.finalContent(), runner.messages];
    },
    "chat structured": () => completions.parse({ ...fields, response_format: zodResponseFormat(weather, "weather") }),
    "chat image": () => {
      const content = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: image } }];
      return completions.create({ ...fields, messages: [{ role: "user", content }] });
    },
    "chat reasoning": () => completions.create({ ...fields, reasoning_effort: "low" }),
  };
}

function responses(client, target, usual) {
  const fields = { model: target.model, input: "Hello", store: false, ...usual };
  const tools = [{ type: "function", strict: true, ...tool }];
  const turns = { ...fields, tools, reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] };
  return {
    "responses plain": () => client.responses.create(fields),
    "responses stream": async () => collect(await client.responses.create({ ...fields, stream: true })),
    "responses tools": () => loop((input) => client.responses.create({ ...turns, input }), afterResponse),
    "responses tools stream": () => loop((input) => client.responses.stream({ ...turns, input }).finalResponse(), afterResponse),
    "responses structured": () => client.responses.parse({ ...fields, text: { format: zodTextFormat(weather, "weather") } }),
    "responses image": () => {
      const content = [{ type: "input_text", text: "What is this?" }, { type: "input_image", image_url: image, detail: "auto" }];
      return client.responses.create({ ...fields, input: [{ role: "user", content }] });
    },
  };
}

function embeddings(client, target, usual) {
  const fields = { model: target.vectors, input: ["one", "two"], ...usual };
  return {
    "embeddings plain": () => client.embeddings.create(fields),
    "embeddings float": () => client.embeddings.create({ ...fields, encoding_format: "float" }),
    "embeddings base64": () => client.embeddings.create({ ...fields, encoding_format: "base64" }),
    "embeddings short": () => client.embeddings.create({ ...fields, dimensions: 4 }),
  };
}

/** Streams that the application leaves. */
function left(client, { model, ledger }, usual) {
  const fields = { model, stream: true, ...usual };
  const messages = [{ role: "user", content: "Hello" }];
  return {
    "chat cancel": () => cancelled(ledger, (signal) => client.chat.completions.create({ ...fields, messages }, { signal })),
    "responses cancel": () => cancelled(ledger, (signal) => client.responses.create({ ...fields, input: "Hello" }, { signal })),
  };
}

await tell((target) => {
  const client = new OpenAI({ baseURL: target.url, apiKey: target.key, maxRetries: 0, defaultHeaders: target.headers });
  const usual = target.policy ?? {};
  if (target.ledger) return left(client, target, usual);
  return {
    ...chat(client, target, usual),
    ...responses(client, target, usual),
    ...embeddings(client, target, usual),
    headers: async () => {
      const messages = [{ role: "user", content: "Hello" }];
      const { response } = await client.chat.completions.create({ model: target.model, messages, ...usual }).withResponse();
      return ours(response);
    },
    models: async () => (await collect(client.models.list())).map(({ id }) => id),
  };
});
