// The Vercel AI SDK with four ways to reach a model: target.way names one.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, embedMany, generateText, isStepCount, Output, streamText, tool, ToolLoopAgent } from "ai";
import { cancelled, collect, picture, place, tell, weather } from "./story.mjs";

const WAYS = {
  chat: (settings) => createOpenAI(settings).chat,
  responses: (settings) => createOpenAI(settings).responses,
  compatible: (settings) => createOpenAICompatible({ ...settings, name: "anyapi", includeUsage: true, supportsStructuredOutputs: true }),
  anthropic: (settings) => createAnthropic(settings),
};
const VECTORS = {
  chat: (settings) => createOpenAI(settings).embedding,
  compatible: (settings) => createOpenAICompatible({ ...settings, name: "anyapi" }).embeddingModel,
};
const tools = {
  weather: tool({ description: "Weather of a city", inputSchema: place, execute: async ({ city }) => `Sunny in ${city}` }),
};
const looped = { prompt: "use the tool", tools, stopWhen: isStepCount(3) };

/** A whole answer, less what the application itself said: the name of the model. */
const whole = ({ steps, text, usage, totalUsage, finishReason }) => ({
  steps: steps.map(({ model, ...step }) => step),
  text,
  usage,
  totalUsage,
  finishReason,
});

/** The parts of a stream; an error that came as a part is raised, as an application would. */
async function parts(result) {
  const all = await collect(result.stream);
  const failed = all.find((part) => part.type === "error");
  if (failed) throw failed.error;
  return all;
}

/** The parts of a stream until it says that it was left, which it does by a part and not by an error. */
async function* untilLeft(stream) {
  for await (const part of stream) {
    if (part.type === "abort") throw Object.assign(new Error(), { name: "abort" });
    yield part;
  }
}

await tell((target) => {
  const settings = { baseURL: target.url, apiKey: target.key, headers: target.headers };
  const way = WAYS[target.way](settings);
  const usual = { maxRetries: 0, providerOptions: target.options ?? {}, onError: () => {} };
  const asked = { ...usual, model: way(target.model), reasoning: target.reasoning };
  const hello = { ...asked, prompt: "Hello" };
  const vectors = () => ({ model: VECTORS[target.way](settings)(target.vectors), maxRetries: 0 });
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image", image: Buffer.from(picture, "base64") },
  ];
  if (target.ledger) {
    return { cancel: () => cancelled(target.ledger, (abortSignal) => untilLeft(streamText({ ...hello, abortSignal }).stream)) };
  }
  return {
    plain: async () => whole(await generateText({ ...hello, instructions: "Be brief.", temperature: 0.5, maxOutputTokens: 400 })),
    stream: () => parts(streamText(hello)),
    tools: async () => whole(await generateText({ ...asked, ...looped })),
    "tools stream": () => parts(streamText({ ...asked, ...looped })),
    agent: async () => whole(await new ToolLoopAgent({ ...asked, tools, stopWhen: isStepCount(3) }).generate({ prompt: "use the tool" })),
    structured: async () => {
      const result = await generateText({ ...hello, output: Output.object({ schema: weather }) });
      return [whole(result), result.output];
    },
    "structured stream": async () => {
      const result = streamText({ ...hello, output: Output.object({ schema: weather }) });
      return [await collect(result.partialOutputStream), await result.output];
    },
    image: async () => whole(await generateText({ ...asked, messages: [{ role: "user", content }] })),
    reasoning: () => parts(streamText({ ...hello, reasoning: "low", maxOutputTokens: 4000 })),
    "second turn": async () => {
      const first = await generateText(hello);
      const messages = [{ role: "user", content: "Hello" }, ...first.response.messages, { role: "user", content: "And now?" }];
      return whole(await generateText({ ...asked, messages }));
    },
    embed: async () => (await embed({ ...vectors(), value: "one" })).embedding,
    "embed many": async () => {
      const { embeddings, usage } = await embedMany({ ...vectors(), values: ["one", "two"] });
      return { embeddings, usage };
    },
  };
});
