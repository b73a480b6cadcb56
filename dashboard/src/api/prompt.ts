// The one call of the page that goes past the control plane: a prompt to the data plane, with the key that a person has pasted.
// Neither key, prompt nor answer is stored, logged or put into an address.

import { cutter, type Piece, pieceOf, type Receipt, receiptOf } from "../words/stream";
import { Problem, problemOf, reach } from "./client";

export interface Turn {
  role: "user" | "assistant";
  content: string;
}

export interface Prompt {
  dataPlane: string;
  key: string;
  model: string;
  policy: Record<string, unknown>;
  messages: readonly Turn[];
}

/** A refusal or failure of the data plane; the receipt says what was decided all the same. */
export class Refused extends Problem {
  constructor(
    problem: Problem,
    readonly receipt: Receipt,
    readonly reasons: readonly string[],
  ) {
    super(problem.status, problem.message, problem.field, problem.kind);
  }
}

/** Send it; hear of the receipt as soon as the head is there, then of each piece. Rejects with `Refused`, `Problem`, or an abort. */
export async function send(prompt: Prompt, signal: AbortSignal, onReceipt: (receipt: Receipt) => void, onPiece: (piece: Piece) => void): Promise<void> {
  const init: RequestInit = {
    method: "POST",
    mode: "cors",
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    headers: { authorization: `Bearer ${prompt.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: prompt.model, messages: prompt.messages, stream: true, stream_options: { include_usage: true }, ...(Object.keys(prompt.policy).length ? { data_policy: prompt.policy } : {}) }),
    signal,
  };
  const answer = await reach(`${prompt.dataPlane}/v1/chat/completions`, init, `Your browser could not reach the gateway at ${prompt.dataPlane}.`);
  const receipt = receiptOf(answer.headers);
  if (!answer.ok || answer.body === null) {
    const found: unknown = await answer.json().catch(() => null);
    throw new Refused(problemOf(answer.status, found), receipt, reasonsOf(found));
  }
  onReceipt(receipt);
  const cut = cutter();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const data of cut(value)) onPiece(pieceOf(data));
  }
}

interface Denied {
  provider?: string;
  reasons?: { text?: string; kind?: string }[];
}

/** Why each provider was left out: by policy where that is so, else why it cannot be used. */
function reasonsOf(found: unknown): string[] {
  const rows = (found as { error?: { metadata?: { endpoints?: Denied[] } } } | null)?.error?.metadata?.endpoints ?? [];
  return rows.map((row) => {
    const ofPolicy = (row.reasons ?? []).filter((reason) => reason.kind === "policy");
    return `${row.provider ?? "?"}: ${(ofPolicy.length ? ofPolicy : (row.reasons ?? [])).map((reason) => reason.text ?? "").join(" ")}`;
  });
}
