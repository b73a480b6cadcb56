// What the data plane sends of a streamed chat completion: text as it comes, an error, the count of tokens. Keeps nothing.

export interface Piece {
  text?: string;
  error?: string;
  tokens?: { prompt: number; completion: number };
}

interface Chunk {
  choices?: { delta?: { content?: unknown; refusal?: unknown } }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: { message?: unknown };
}

/** Cuts a stream of server-sent events, which may break anywhere, into their data. Feed it text; it gives what is whole by then. */
export function cutter(): (text: string) => string[] {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    return lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
  };
}

/** What one event holds for the page; nothing for the event that ends a stream and for what is no JSON. */
export function pieceOf(data: string): Piece {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data) as Chunk;
  } catch {
    return {};
  }
  if (chunk.error) return { error: typeof chunk.error.message === "string" ? chunk.error.message : "The stream was broken off." };
  const delta = chunk.choices?.[0]?.delta;
  const text = [delta?.content, delta?.refusal].find((one) => typeof one === "string" && one !== "");
  const usage = chunk.usage;
  return {
    ...(typeof text === "string" ? { text } : {}),
    ...(usage ? { tokens: { prompt: usage.prompt_tokens ?? 0, completion: usage.completion_tokens ?? 0 } } : {}),
  };
}

/** The receipt line of an answer: what the gateway says in its headers. */
export interface Receipt {
  provider: string | null;
  endpoint: string | null;
  model: string | null;
  decision: string | null;
  policy: string | null;
  training: string | null;
  retention: string | null;
  adjusted: string | null;
}

export const receiptOf = (headers: Headers): Receipt => ({
  provider: headers.get("x-anyapi-provider"),
  endpoint: headers.get("x-anyapi-endpoint"),
  model: headers.get("x-anyapi-model"),
  decision: headers.get("x-anyapi-decision"),
  policy: headers.get("x-anyapi-policy"),
  training: headers.get("x-anyapi-training-allowed"),
  retention: headers.get("x-anyapi-retention-days"),
  adjusted: headers.get("x-anyapi-adjusted"),
});
