// A real request through the gateway, from this browser, with a key that is pasted in: the answer as it comes, and its receipt line.

import { Button, Group, Stack, Textarea } from "@mantine/core";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { aborted, Problem } from "../api/client";
import { Refused, send, type Turn } from "../api/prompt";
import { useModels, useProviders } from "../api/queries";
import type { EndpointRow, ModelRow, ProviderRow } from "../api/schema";
import { useHere } from "../api/session";
import { Facts } from "../parts/endpoints";
import { Named, useUnclear } from "../parts/named";
import { Chip, Copy, Empty, Failed, Loaded, Note, Page, Panel, sent } from "../parts/parts";
import { SecretField } from "../parts/secret";
import { choicesOf, ShieldForm } from "../parts/shieldform";
import { AUTO } from "../parts/verdicts";
import { count, plural, seconds } from "../words/format";
import { settingsOf } from "../words/policy";
import { NOTHING, toPolicy } from "../words/shields";
import type { Piece, Receipt } from "../words/stream";

interface Exchange {
  id: number;
  prompt: string;
  answer: string;
  state: "waiting" | "running" | "done" | "stopped" | "failed";
  receipt: Receipt | null;
  tokens: Piece["tokens"] | null;
  took: number | null;
  error: Problem | null;
}

export default function Playground() {
  const models = useModels();
  const providers = useProviders();
  return (
    <Page title="Playground" lead="Send a prompt through the gateway and see where it went, and under which policy. It goes from your browser straight to the data plane, like one of your application's. This page keeps nothing of it, nor does the gateway, except what you have sealed for yourself; what the provider does with it stands in the receipt line.">
      <Loaded read={models} lines={8}>{(found) => <Loaded read={providers}>{(rows) => <Desk models={found} providers={rows} />}</Loaded>}</Loaded>
    </Page>
  );
}

/** The exchanges on the screen, and how to add one. They are gone with the page. */
function useExchanges() {
  const { dataPlane } = useHere();
  const [exchanges, setExchanges] = useState<Exchange[]>([]);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const ask = async (key: string, model: string, policy: Record<string, unknown>, prompt: string) => {
    const id = exchanges.length;
    const began = performance.now();
    const change = (part: (before: Exchange) => Partial<Exchange>) => setExchanges((all) => all.map((one) => (one.id === id ? { ...one, ...part(one) } : one)));
    const before: Turn[] = exchanges.filter((one) => one.state === "done").flatMap((one) => [{ role: "user", content: one.prompt }, { role: "assistant", content: one.answer }]);
    setExchanges([...exchanges, { id, prompt, answer: "", state: "waiting", receipt: null, tokens: null, took: null, error: null }]);
    running.current = new AbortController();
    try {
      await send({ dataPlane, key, model, policy, messages: [...before, { role: "user", content: prompt }] }, running.current.signal, (receipt) => change(() => ({ receipt, state: "running" })), (piece) =>
        change((one) => ({ answer: one.answer + (piece.text ?? ""), tokens: piece.tokens ?? one.tokens, ...(piece.error ? { error: new Problem(502, piece.error) } : {}) })),
      );
      change((one) => ({ state: one.error ? "failed" : "done", took: (performance.now() - began) / 1000 }));
    } catch (error) {
      if (aborted(error)) change(() => ({ state: "stopped" }));
      else change((one) => ({ state: "failed", error: error instanceof Problem ? error : new Problem(0, "The connection broke off."), receipt: error instanceof Refused ? error.receipt : one.receipt }));
    }
  };
  const last = exchanges.at(-1);
  return { exchanges, ask, stop: () => running.current?.abort(), clear: () => setExchanges([]), busy: last?.state === "waiting" || last?.state === "running" };
}

function Desk({ models, providers }: { models: readonly ModelRow[]; providers: readonly ProviderRow[] }) {
  const { account, dataPlane } = useHere();
  const [search] = useSearchParams();
  const [key, setKey] = useState("");
  const [model, setModel] = useState<string | null>(search.get("model") ?? AUTO);
  const [prompt, setPrompt] = useState("");
  const [shields, setShields] = useState(NOTHING);
  const policy = useMemo(() => toPolicy(shields), [shields]);
  const choices = useMemo(() => choicesOf(providers), [providers]);
  const items = useMemo(() => groupsOf(models), [models]);
  const [unclear, tell] = useUnclear();
  const talk = useExchanges();
  const base = `/a/${encodeURIComponent(account)}`;
  const known = model === AUTO || models.some((row) => row.id === model);
  const ready = dataPlane.startsWith("http") && known && !unclear && key.trim() !== "" && prompt.trim() !== "" && !talk.busy;
  // Neither is checked for spelling or translated: browsers may send what they check or translate to others.
  const submit = () => {
    if (!ready || model === null) return;
    void talk.ask(key.trim(), model, policy, prompt);
    setPrompt("");
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  };
  return (
    <div className="settings even">
      <div className="stack">
        <Panel title="The request">
          <form onSubmit={sent(submit)}>
            <Stack>
              {!dataPlane.startsWith("http") && <Note tone="warn">The gateway listens where no browser can reach it. Its operator sets <span className="mono">server.public_url</span>; until then, ask from a terminal.</Note>}
              <SecretField label="API key" description={<>Stays in this page's memory until you leave it. <Link href={`${base}/keys`}>Make one</Link> if you have none.</>} placeholder="anyapi_sk_…" value={key} set={setKey} />
              <Named label="Model" required limit={80} items={items} value={model} set={setModel} />
              <Textarea label="Prompt" description="Ctrl and Enter send it." autosize minRows={4} maxRows={14} autoComplete="off" spellCheck={false} value={prompt} onChange={(event) => setPrompt(event.currentTarget.value)} onKeyDown={onKey} />
              <Group gap="sm">
                <Button type="submit" disabled={!ready}>Send</Button>
                {talk.busy && <Button variant="default" onClick={talk.stop}>Stop</Button>}
                {talk.exchanges.length > 0 && !talk.busy && <Button variant="default" onClick={talk.clear}>Start over</Button>}
              </Group>
            </Stack>
          </form>
        </Panel>
        <Panel>
          <details>
            <summary>
              <strong>What this request asks itself</strong> <span className="small dim">{settingsOf(policy).join("; ") || "nothing, on top of the key and the account"}</span>
            </summary>
            <div style={{ marginTop: 16 }}><ShieldForm value={shields} set={setShields} choices={choices} unclear={tell} /></div>
          </details>
        </Panel>
      </div>
      <aside aria-label="Answers">
        <Panel title="Answers">
          {talk.exchanges.length === 0 ? (
            <Empty icon="send" title="Nothing was sent yet">
              Below each answer stands its receipt line: who got the prompt, which decision that was, and what held about training and retention.
            </Empty>
          ) : (
            <div className="stack" role="log" aria-live="polite" aria-busy={talk.busy}>
              {talk.exchanges.map((one) => <Answer key={one.id} one={one} models={models} />)}
            </div>
          )}
        </Panel>
      </aside>
    </div>
  );
}

function groupsOf(models: readonly ModelRow[]) {
  const items = (fits: (row: ModelRow) => boolean) => models.filter(fits).map((row) => ({ value: row.id, label: row.id }));
  return [
    { group: "Let the gateway choose", items: [{ value: AUTO, label: `${AUTO}: the cheapest allowed` }] },
    { group: "Usable now", items: items((row) => row.usable) },
    { group: "Allowed, but without a credential", items: items((row) => !row.usable && row.permitted) },
    { group: "Left out by your settings", items: items((row) => !row.permitted) },
  ].filter((group) => group.items.length > 0);
}

function Answer({ one, models }: { one: Exchange; models: readonly ModelRow[] }) {
  const { receipt, error } = one;
  return (
    <article aria-label={`Answer ${one.id + 1}`} className="exchange" translate="no">
      <p className="prompt">{one.prompt}</p>
      {one.state === "waiting" && <p className="dim" style={{ margin: 0 }}>Waiting for the first words…</p>}
      {one.answer && <p className="answer" data-testid="answer">{one.answer}</p>}
      {one.state === "stopped" && <p className="small dim" style={{ margin: 0 }}>You stopped it here.</p>}
      {error && <Why error={error} />}
      {receipt && <ReceiptLine receipt={receipt} endpoint={endpointOf(models, receipt)} />}
      {(one.tokens || one.took !== null) && (
        <p className="small dim num" style={{ margin: 0 }}>
          {[one.tokens && `${count(one.tokens.prompt)} tokens in, ${count(one.tokens.completion)} out`, one.took !== null && `took ${seconds(one.took)}`].filter(Boolean).join(", ")}
        </p>
      )}
    </article>
  );
}

const endpointOf = (models: readonly ModelRow[], receipt: Receipt): EndpointRow | undefined =>
  models.find((row) => row.id === receipt.model)?.endpoints.find((row) => row.id === receipt.endpoint);

function Why({ error }: { error: Problem }) {
  if (error.status === 0) return <Note tone="bad" live><strong>{error.message}</strong> Is it running? If it is reached under another address, its operator sets <span className="mono">server.public_url</span>.</Note>;
  if (error.status === 401) return <Note tone="bad" live><strong>{error.message}</strong> Paste a key that is active; the page API keys shows which are.</Note>;
  return (
    <>
      {error instanceof Refused && error.status === 403 ? <Note tone="warn" live><strong>Refused by policy.</strong> {error.message}</Note> : <Failed error={error} />}
      {error instanceof Refused && error.reasons.length > 0 && (
        <details className="small">
          <summary>Why each of {plural(error.reasons.length, "endpoint")} was left out</summary>
          <ul style={{ margin: "6px 0 0", paddingLeft: 18 }}>{error.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function ReceiptLine({ receipt, endpoint }: { receipt: Receipt; endpoint: EndpointRow | undefined }) {
  const { account } = useHere();
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <dl className="facts small receipt" aria-label="Receipt line">
      <dt>Went to</dt>
      <dd>
        {receipt.provider ? (
          <>
            <Link href={`${base}/providers/${encodeURIComponent(receipt.provider)}`}>{receipt.provider}</Link> <span className="dim">({receipt.endpoint})</span>
            {endpoint && <div style={{ marginTop: 4 }}><Facts policy={endpoint.data_policy} /></div>}
          </>
        ) : (
          "nobody: nothing was sent"
        )}
      </dd>
      {receipt.training && (
        <>
          <dt>In force</dt>
          <dd className="chips">
            <Chip tone={receipt.training === "false" ? "good" : "plain"}>{receipt.training === "false" ? "no training" : "training not forbidden"}</Chip>
            <Chip tone={receipt.retention === "0" ? "good" : "plain"}>{receipt.retention === "any" ? "kept for any time" : receipt.retention === "0" ? "nothing kept" : `kept at most ${receipt.retention} days`}</Chip>
          </dd>
        </>
      )}
      {receipt.adjusted && <><dt>Adjusted</dt><dd>{receipt.adjusted}</dd></>}
      {receipt.policy && <><dt>Policy</dt><dd className="mono">{receipt.policy}</dd></>}
      {receipt.decision && (
        <>
          <dt>Decision</dt>
          <dd>
            <Link className="mono" href={`${base}/activity/${receipt.decision}`}>{receipt.decision}</Link> <Copy text={receipt.decision} what="the decision's id" />
          </dd>
        </>
      )}
    </dl>
  );
}
