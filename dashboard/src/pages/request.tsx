// One request: what is kept of it, and why it went where it went.

import { Button } from "@mantine/core";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { call, Problem } from "../api/client";
import { useKeys } from "../api/queries";
import type { Drilled, UsageRow } from "../api/schema";
import { useHere } from "../api/session";
import { Chip, Loaded, Page, Panel, Waiting } from "../parts/parts";
import { Ruled } from "../parts/ruling";
import { Verdicts } from "../parts/verdicts";
import { count, date, list, plural } from "../words/format";
import { costOf, factsOf, wentOf } from "../words/kept";
import { outcome } from "../words/policy";
import { rulingOf, rulingOfRecord } from "../words/receipt";

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

function Whole({ found: { usage, decision } }: { found: Drilled }) {
  const { account } = useHere();
  const receipt = useQuery({
    queryKey: [account, "receipt", usage.decision],
    queryFn: () => call("get", "/api/accounts/{account}/receipts/{decision}", { path: { account, decision: usage.decision } }),
    retry: 1, // it stands in the audit log about a second after the answer
    retryDelay: 1500,
  });
  const today = useToday(usage, decision?.data_classes ?? (usage.data_class ? [usage.data_class] : []));
  const ruling = rulingOf(receipt.data) ?? (decision && rulingOfRecord(decision, usage.endpoint ?? null));
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
      {ruling && <Ruled ruling={ruling} record={decision} today={today.asked.data?.requirement ?? null} named={today.named} />}
      <Receipt decision={usage.decision} read={receipt} />
      {receipt.isPending && !decision ? <Waiting lines={6} /> : <Today usage={usage} decided={ruling !== null} today={today} />}
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
        <p>{wentOf(usage)}</p>
      ) : (
        <p>It was sent to nobody. {NOBODY[usage.outcome]}</p>
      )}
      <p className="dim small" style={{ marginBottom: 0 }}>
        {usage.tokens?.prompt || usage.tokens?.completion ? `${plural(usage.tokens.prompt ?? 0, "token")} in, ${count(usage.tokens.completion ?? 0)} out. ` : ""}
        {costOf(usage)}
      </p>
    </>
  );
}

function Kept({ usage }: { usage: UsageRow }) {
  const { account } = useHere();
  const keys = useKeys();
  const key = keys.data?.find((one) => one.id === usage.key);
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <>
      <dl className="facts small">
        {factsOf(usage, key).map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd className={name === "Decision" ? "mono" : undefined}>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="small dim" style={{ marginBottom: 0 }}>
        That is its usage row. Besides, it counts in sums by the hour and in what its key spent, and has an entry in the audit log, which is only ever added to, with account, key and app as random ids: its receipt below shows it (where that says that there is none, there is no such entry either). <Link href={`${base}/stored`}>All that is stored</Link>
      </p>
      <Sealed decision={usage.decision} log={`${base}/logs`} />
    </>
  );
}

const KEPT = { both: "Its prompt and its answer are", prompts: "Its prompt is", responses: "Its answer is", nothing: "Nothing of it is" };

/** Whether its prompt and answer are kept after all, because the account asked for that. */
function Sealed({ decision, log }: { decision: string; log: string }) {
  const { account } = useHere();
  const entry = useQuery({
    queryKey: [account, "log-entry", decision],
    queryFn: () => call("get", "/api/accounts/{account}/logs/entries/{decision}", { path: { account, decision } }),
    retry: false,
  });
  if (entry.data)
    return (
      <p className="small" style={{ marginBottom: 0 }}>
        <strong>{KEPT[entry.data.keeps]}</strong> in your <Link href={log}>sealed log</Link> until {date(entry.data.expires_at)}: whoever has an identity of yours can read it, and this gateway cannot.
      </p>
    );
  return entry.error instanceof Problem && entry.error.status === 404 ? (
    <p className="small dim" style={{ marginBottom: 0 }}>Nothing of its prompt or answer is stored.</p>
  ) : null;
}

function Receipt({ decision, read }: { decision: string; read: UseQueryResult<unknown> }) {
  const { account } = useHere();
  const [open, setOpen] = useState(false);
  const file = `/api/accounts/${encodeURIComponent(account)}/receipts/${encodeURIComponent(decision)}`;
  if (read.error instanceof Problem && read.error.status === 404)
    return (
      <Panel title="Receipt">
        <p style={{ margin: 0 }}>There is none. {read.error.message}</p>
      </Panel>
    );
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
            <>
              <p className="small dim">With spaces, to be read: what verifies is the file that Download gives, byte for byte.</p>
              <pre className="small mono" tabIndex={0} aria-label="Receipt" style={{ overflow: "auto", maxHeight: 420 }}>
                {JSON.stringify(found, null, 1)}
              </pre>
            </>
          )}
        </Loaded>
      )}
    </Panel>
  );
}

/**
 * What would happen to such a request now. Nothing is known of what it asked itself but its data classes: one that no other layer names today
 * is named again, as the request may name one.
 */
function useToday(usage: UsageRow, classes: readonly string[]) {
  const { account } = useHere();
  const ask = (data_policy: Record<string, unknown>) => call("post", "/api/accounts/{account}/explain", { path: { account }, body: { models: [usage.model], data_policy, key: usage.key } });
  const known = usage.model !== "unknown";
  const plain = useQuery({ queryKey: [account, "explain-today", usage.model, usage.key], queryFn: () => ask({}), enabled: known });
  const others = plain.data ? classes.filter((one) => !plain.data.requirement.data_classes.some((other) => other === one)) : [];
  const named = others.length === 1 ? others : [];
  const full = useQuery({ queryKey: [account, "explain-today", usage.model, usage.key, named], queryFn: () => ask({ data_class: named[0] }), enabled: known && named.length > 0 });
  return named.length > 0 ? { asked: full, named } : { asked: plain, named };
}

function Today({ usage, decided, today: { asked, named } }: { usage: UsageRow; decided: boolean; today: ReturnType<typeof useToday> }) {
  const changed = usage.outcome === "no_eligible_endpoint" && ": if something is left below, it was the request that asked for more, or something has changed since";
  return (
    <Panel anchor="today" title={decided ? "What its settings leave today" : usage.provider ? "Why this endpoint" : "Why no endpoint"}>
      {usage.model === "unknown" ? (
        <p>The model that was asked for is in no catalogue.</p>
      ) : (
        <>
          <p className="small dim" style={{ marginTop: 0 }}>
            {!decided && "There is no receipt to read the decision from. "}What the settings of its key, project and account leave of this model now{named.length > 0 && `, with data class ${list(named)}, which the request named`}. What {named.length > 0 && "else "}the request itself asked is not kept{changed}.
          </p>
          <Loaded read={asked}>{(found) => <Verdicts found={found} />}</Loaded>
        </>
      )}
    </Panel>
  );
}
