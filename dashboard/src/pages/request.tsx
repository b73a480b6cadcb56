// One request: what is kept of it, and why it went where it went.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { call } from "../api/client";
import { useKeys } from "../api/queries";
import type { DecisionRecord, Drilled, UsageRow } from "../api/schema";
import { useHere } from "../api/session";
import { Chip, Loaded, Page, Panel, Waiting } from "../parts/parts";
import { Verdicts } from "../parts/verdicts";
import { count, exactTime, money, plural, seconds } from "../words/format";
import { AVAILABILITY, outcome, reason, sentence } from "../words/policy";
import { type Ruling, rulingOf } from "../words/receipt";

export default function Request({ decision }: { decision: string }) {
  const { account } = useHere();
  const [search] = useSearchParams();
  const at = search.get("at");
  const drilled = useQuery({
    queryKey: [account, "request", decision],
    queryFn: () => call("get", "/api/accounts/{account}/usage/rows/{decision}", { path: { account, decision }, query: { at: at === null ? undefined : Number(at) } }),
  });
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <Page title="One request" lead={<Link href={`${base}/activity`}>Back to activity</Link>}>
      <Loaded read={drilled} lines={10}>
        {(found) => <Whole found={found} />}
      </Loaded>
    </Page>
  );
}

/** It stands in the audit log about a second after the answer: asked for once more if it is not there yet. */
function useReceipt(decision: string) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "receipt", decision],
    queryFn: () => call("get", "/api/accounts/{account}/receipts/{decision}", { path: { account, decision } }),
    retry: 1,
    retryDelay: 1500,
  });
}

function Whole({ found: { usage, decision } }: { found: Drilled }) {
  const receipt = useReceipt(usage.decision);
  const ruling = rulingOf(receipt.data);
  const why = usage.provider ? "Why this endpoint" : "Why no endpoint";
  return (
    <>
      <div className="grid two">
        <Panel title="What happened">
          <Story usage={usage} />
        </Panel>
        <Panel title="What is kept of it">
          <Kept usage={usage} />
        </Panel>
      </div>
      {decision ? (
        <Recorded record={decision} chosen={usage.endpoint ?? null} />
      ) : ruling ? (
        <Panel title={why}>
          <p style={{ marginTop: 0 }}>As it was decided then; the receipt below proves it.</p>
          <Ruled ruling={ruling} chosen={usage.endpoint ?? null} />
        </Panel>
      ) : null}
      <Receipt read={receipt} decision={usage.decision} />
      {!decision && <Today usage={usage} title={ruling ? "What its settings leave today" : why} decided={ruling !== null} waiting={receipt.isPending} />}
    </>
  );
}

const NOBODY: Record<string, string> = {
  no_eligible_endpoint: "No endpoint satisfied what gateway, account, project, key and request asked together. The caller got every reason with the refusal.",
  model_not_found: "The model is in no catalogue, or none of its endpoints can be used here for this. The caller was told which.",
};

function Story({ usage }: { usage: UsageRow }) {
  const said = outcome(usage.outcome);
  return (
    <>
      <p className="big" style={{ marginTop: 0 }}>
        {usage.model} <Chip said={said} />
      </p>
      {usage.provider ? (
        <p>
          It went to <strong>{usage.provider}</strong>
          {usage.attempts && usage.attempts > 1 ? `, after ${plural(usage.attempts - 1, "earlier attempt")}` : ""}, and the answer took {seconds(usage.duration)}
          {usage.first_token ? ` (the first token ${seconds(usage.first_token)})` : ""}.
        </p>
      ) : (
        <p>It was sent to nobody. {NOBODY[usage.outcome]}</p>
      )}
      <p className="dim small" style={{ marginBottom: 0 }}>
        {usage.tokens?.prompt || usage.tokens?.completion ? `${plural(usage.tokens.prompt ?? 0, "token")} in, ${count(usage.tokens.completion ?? 0)} out, ` : ""}
        {money(usage.cost)}
      </p>
    </>
  );
}

function Kept({ usage }: { usage: UsageRow }) {
  const keys = useKeys();
  const key = keys.data?.find((one) => one.id === usage.key);
  const facts: [string, string | null | undefined][] = [
    ["Decision", usage.decision],
    ["When", exactTime(usage.at)],
    ["API key", key?.name ? `${key.name} (${usage.key})` : usage.key],
    ["Project", usage.project],
    ["Operation", sentence(usage.operation)],
    ["Endpoint", usage.endpoint],
    ["Credential", usage.credential],
    ["Answered by, as the router says", usage.host],
    ["Held against what was promised", usage.evidence && sentence(usage.evidence)],
    ["Data class", usage.data_class],
    ["App", [usage.app?.name, usage.app?.version].filter(Boolean).join(" ")],
    ["Status", String(usage.status)],
    ["Streamed", usage.streamed ? "yes" : "no"],
  ];
  return (
    <>
      <dl className="facts small">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} style={{ display: "contents" }}>
              <dt>{name}</dt>
              <dd className={name === "Decision" ? "mono" : undefined}>{value}</dd>
            </div>
          ))}
      </dl>
      <p className="small dim" style={{ marginBottom: 0 }}>
        That is all, with its receipt below. No prompt and no answer is stored, but what you have sealed for yourself.
      </p>
    </>
  );
}

function Receipt({ read, decision }: { read: ReturnType<typeof useReceipt>; decision: string }) {
  const { account } = useHere();
  const [open, setOpen] = useState(false);
  const file = `/api/accounts/${encodeURIComponent(account)}/receipts/${encodeURIComponent(decision)}`;
  return (
    <Panel title="Receipt">
      <p style={{ marginTop: 0 }}>
        What was decided and done for this request, with the proof that it stands in the audit log and the signature over it. Whoever has the file can verify it without this gateway: <code>anyapi verify FILE</code>, or the one-file <code>verify_receipt.py</code>. Compare the key that it names with the one that the operator publishes.
      </p>
      <div className="chips">
        <Button size="xs" variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide it" : "Show it"}
        </Button>
        <Button size="xs" variant="default" component="a" href={file} download>
          Download
        </Button>
      </div>
      {open && (
        <Loaded read={read} lines={8}>
          {(found) => (
            <pre className="small mono" tabIndex={0} aria-label="Receipt" style={{ overflow: "auto", maxHeight: 420 }}>
              {JSON.stringify(found, null, 1)}
            </pre>
          )}
        </Loaded>
      )}
    </Panel>
  );
}

function Recorded({ record, chosen }: { record: DecisionRecord; chosen: string | null }) {
  return (
    <Panel title="Why this endpoint: the decision record">
      <p style={{ marginTop: 0 }}>
        Written to disk before anything was sent, because the data class is {record.data_classes.join(", ")}. Settings of snapshot {record.snapshot}, catalogue <span className="mono">{record.catalogue.slice(0, 12)}</span>.
      </p>
      <Ruled ruling={{ permitted: record.permitted, denied: record.denied.map(([endpoint, reasons]) => ({ endpoint, reasons })) }} chosen={chosen} />
    </Panel>
  );
}

const SOME = 12;

function Ruled({ ruling, chosen }: { ruling: Ruling; chosen: string | null }) {
  const [all, setAll] = useState(false);
  const most = all ? ruling.denied.length : SOME;
  return (
    <>
      <ul className="bars" aria-label="Endpoints, as decided">
        {ruling.permitted.map((endpoint, place) => (
          <li key={endpoint}>
            <span className="chips" style={{ alignItems: "center" }}>
              <Chip tone="good">{place + 1}. permitted</Chip> {endpoint} {endpoint === chosen && <Chip tone="good">answered</Chip>}
            </span>
          </li>
        ))}
        {ruling.denied.slice(0, most).map(({ endpoint, reasons }) => (
          <li key={endpoint}>
            <span className="chips" style={{ alignItems: "center" }}>
              {reasons.every((code) => AVAILABILITY.has(code)) ? <Chip>allowed, not usable</Chip> : <Chip tone="warn">left out</Chip>} {endpoint}
            </span>
            <span className="small dim">{reasons.map(reason).join("; ")}</span>
          </li>
        ))}
      </ul>
      {ruling.denied.length > most && <Button size="xs" variant="default" mt="sm" onClick={() => setAll(true)}>Show all {ruling.denied.length} that were left out</Button>}
    </>
  );
}

function Today({ usage, title, decided, waiting }: { usage: UsageRow; title: string; decided: boolean; waiting: boolean }) {
  const { account } = useHere();
  const asked = useQuery({
    queryKey: [account, "explain-today", usage.model, usage.key],
    queryFn: () => call("post", "/api/accounts/{account}/explain", { path: { account }, body: { models: [usage.model], data_policy: {}, key: usage.key } }),
    enabled: usage.model !== "unknown",
  });
  if (waiting) return <Waiting lines={6} />;
  const changed = usage.outcome === "no_eligible_endpoint" && ": if something is left below, it was the request that asked for more, or something has changed since";
  return (
    <Panel title={title}>
      {usage.model === "unknown" ? (
        <p>The model that was asked for is in no catalogue.</p>
      ) : (
        <>
          <p className="small dim" style={{ marginTop: 0 }}>
            {!decided && "There is no receipt to read the decision from. "}What the settings of its key, project and account leave of this model now. What the request itself asked is not kept{changed}.
          </p>
          <Loaded read={asked}>{(found) => <Verdicts found={found} />}</Loaded>
        </>
      )}
    </Panel>
  );
}
