// Anthropic's TypeScript SDK.
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { cancelled, collect, ours, picture, place, tell, weather } from "./story.mjs";

const marked = { cache_control: { type: "ephemeral" } };
const tools = [{ name: "weather", description: "Weather of a city", input_schema: place.toJSONSchema(), ...marked }];
const system = [{ type: "text", text: "You are careful. ".repeat(400), cache_control: { type: "ephemeral", ttl: "1h" } }];
const thinking = { max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 1024 } };

/** A tool is called until the model has words; every answer. */
async function loop(ask) {
  const messages = [{ role: "user", content: [{ type: "text", text: "use the tool", ...marked }] }];
  const answers = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const answer = await ask({ ...thinking, messages, system, tools });
    answers.push(answer);
    const calls = answer.content.filter((block) => block.type === "tool_use");
    if (calls.length === 0) break;
    const results = calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "Sunny" }));
    messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
  }
  return answers;
}

await tell((target) => {
  const client = new Anthropic({ baseURL: target.url, apiKey: target.key, maxRetries: 0, defaultHeaders: target.headers });
  const { messages, beta } = client;
  const fields = { model: target.model, max_tokens: 500, messages: [{ role: "user", content: "Hello" }], ...target.policy };
  if (target.ledger) {
    return { cancel: () => cancelled(target.ledger, (signal) => messages.create({ ...fields, stream: true }, { signal })) };
  }
  return {
    plain: () => messages.create(fields),
    stream: async () => collect(await messages.create({ ...fields, stream: true })),
    helper: async () => {
      const stream = messages.stream(fields);
      return [await collect(stream), await stream.finalMessage()];
    },
    tools: () => loop((more) => messages.create({ ...fields, ...more })),
    "tools stream": () => loop((more) => messages.stream({ ...fields, ...more }).finalMessage()),
    runner: async () => {
      const run = ({ city }) => `Sunny in ${city}`;
      const runnable = betaZodTool({ name: "weather", description: "Weather of a city", inputSchema: place, run });
      const asked = [{ role: "user", content: "use the tool" }];
      // The runner begins a thread, which is kept at Anthropic, unless told not to, or told by the answer that there are none.
      const thread = target.threadless ? { thread: false } : {};
      return collect(beta.messages.toolRunner({ ...fields, ...thread, messages: asked, tools: [runnable], max_iterations: 3 }));
    },
    structured: () => messages.parse({ ...fields, output_config: { format: zodOutputFormat(weather) } }),
    image: () => {
      const source = { type: "base64", media_type: "image/png", data: picture };
      const content = [{ type: "text", text: "What is this?" }, { type: "image", source }];
      return messages.create({ ...fields, messages: [{ role: "user", content }] });
    },
    thinking: async () => collect(await messages.create({ ...fields, ...thinking, stream: true })),
    beta: () => beta.messages.create({ ...fields, betas: ["interleaved-thinking-2025-05-14"] }),
    count: () => messages.countTokens({ model: target.model, messages: fields.messages }),
    headers: async () => {
      const { response } = await messages.create(fields).withResponse();
      return ours(response);
    },
  };
});
