// Review: what an update of the catalogue changed for this account, what waits to be accepted, how the account is told, who accepted what.

import { Button, Group, NumberInput, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { call } from "../api/client";
import { useDeliveries, useFresh, useNotifications, useReview, useUpdates } from "../api/queries";
import type { Expiring, HookMade, Review as Found, Told, Update, Waiting } from "../api/schema";
import { useHere } from "../api/session";
import { Chip, CodeBlock, Empty, Failed, InForce, Loaded, Moment, Note, Page, Panel, sent, Table } from "../parts/parts";
import { useUnsaved } from "../parts/unsaved";
import { date, list, plural, time } from "../words/format";
import { delivery } from "../words/policy";

const FEW = 8;

export default function Review() {
  const { account } = useHere();
  const review = useReview();
  return (
    <Page title="Review" lead="What is known about providers changes. Here stands what changed, what it means for this account, and what waits until a person has accepted it.">
      <Loaded read={review} lines={10}>
        {(found) => (
          <>
            <Pending found={found} />
            <Soon rows={found.expiring} />
            <div className="grid two">
              <Notices />
              <Ways key={account} told={found.settings} />
            </div>
            <div className="grid two">
              <Lately />
              <Accepted found={found} />
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Pending({ found }: { found: Found }) {
  const { account, may } = useHere();
  const fresh = useFresh();
  const allowed = may("write_settings");
  const accept = useMutation({
    mutationFn: (subjects: string[] | null) =>
      call("post", "/api/accounts/{account}/review/accept", { path: { account }, body: { update: found.update, subjects } }),
    onSettled: fresh,
  });
  const withheld = Object.values(found.withheld).flat().length;
  const renewals = found.waiting.filter((row) => row.renewal);
  const changes = found.waiting.filter((row) => !row.renewal);
  const buttons = allowed && found.waiting.length > 1 && (
    <Group gap="sm">
      {renewals.length > 0 && changes.length > 0 && (
        <Button size="xs" variant="default" loading={accept.isPending} onClick={() => accept.mutate(renewals.map((row) => row.subject))}>
          Accept those that only have new dates
        </Button>
      )}
      <Button size="xs" loading={accept.isPending} onClick={() => accept.mutate(null)}>
        Accept everything
      </Button>
    </Group>
  );
  return (
    <Panel title="Waiting for you" tools={buttons}>
      <div role="status">
        {accept.isSuccess && (
          <div style={{ marginBottom: 12 }}>
            <Note tone="good">
              <InForce snapshot={accept.data.snapshot} said={`${plural(accept.data.accepted, "change")} accepted`} />
            </Note>
          </div>
        )}
      </div>
      {accept.error && <Failed error={accept.error} />}
      {found.waiting.length === 0 ? (
        <Empty icon="check" title="Nothing waits">
          {found.settings.review_first
            ? "When an update adds a provider or loosens what one states, it stands here and stays denied until an owner or admin accepts it."
            : "Review first is off: what an update loosens is used at once where your settings permit it. Switch it on below to be asked before."}
        </Empty>
      ) : (
        <>
          <p style={{ marginTop: 0 }}>
            <strong>{withheld === 0 ? "Your settings would permit nothing more." : `${plural(withheld, "endpoint")} of ${plural(Object.keys(found.withheld).length, "model")} stay denied until then.`}</strong>{" "}
            What an update made stricter holds already.
          </p>
          {!allowed && <Note>To accept a change you need the role owner or admin.</Note>}
          <ul className="shields">
            {found.waiting.map((row) => (
              <Change key={row.subject} row={row} busy={accept.isPending} accept={allowed ? () => accept.mutate([row.subject]) : undefined} />
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

function Change({ row, busy, accept }: { row: Waiting; busy: boolean; accept: (() => void) | undefined }) {
  return (
    <li>
      <div>
        <h3>{row.title}</h3>
        {row.changes.map((line) => (
          <p key={line}>{line}</p>
        ))}
        <p className="small">
          {row.withheld.length > 0 && `Keeps denied: ${list(row.withheld, FEW)}. `}
          Since <time dateTime={new Date(row.since * 1000).toISOString()}>{time(row.since)}</time>.
        </p>
      </div>
      {accept && (
        <Button size="xs" variant="default" disabled={busy} aria-label={`Accept ${row.title}`} onClick={accept}>
          Accept
        </Button>
      )}
    </li>
  );
}

function Soon({ rows }: { rows: readonly Expiring[] }) {
  if (rows.length === 0) return null;
  const gone = rows.filter((row) => row.expired);
  return (
    <Note tone={gone.length > 0 ? "bad" : "warn"}>
      <strong>
        {gone.length > 0
          ? `${plural(gone.length, "record")} of providers that you may use expired: what they state counts as unknown.`
          : `${plural(rows.length, "record")} of providers that you may use will expire within 30 days, and then count as unknown.`}
      </strong>{" "}
      {list(rows.map((row) => `${row.name} (${row.day})`), FEW)}. An update of the catalogue renews them.
    </Note>
  );
}

function Notices() {
  const { account } = useHere();
  const client = useQueryClient();
  const read = useNotifications();
  const see = useMutation({
    mutationFn: (until: number) => call("post", "/api/accounts/{account}/notifications/seen", { path: { account }, body: { until } }),
    onSuccess: () => void client.invalidateQueries({ queryKey: [account, "notifications"] }),
  });
  const newest = read.data?.rows[0]?.at;
  const tools = newest !== undefined && read.data && read.data.unseen > 0 && (
    <Button size="xs" variant="default" loading={see.isPending} onClick={() => see.mutate(newest)}>
      Mark as read
    </Button>
  );
  return (
    <Panel title="Notifications" tools={tools}>
      <Loaded read={read}>
        {(found) =>
          found.rows.length === 0 ? (
            <p className="dim" style={{ margin: 0 }}>You will be told here when an update concerns this account, when a record is about to expire, when a review is due, and when the privacy team answers.</p>
          ) : (
            <ul style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 16 }}>
              {found.rows.map((row) => (
                <li key={row.id}>
                  <strong>{row.headline}</strong> {!row.seen && <Chip tone="warn">new</Chip>}{" "}
                  <Moment at={row.at} />
                  {row.lines.map((line) => (
                    <div key={line} className="small">{line}</div>
                  ))}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {see.error && <Failed error={see.error} />}
    </Panel>
  );
}

function Ways({ told }: { told: Told }) {
  const { account, may } = useHere();
  const fresh = useFresh();
  // What was not touched here is not sent: somebody else may have changed it since this page was opened.
  const [wishes, wish] = useState<Partial<Pick<Told, "review_first" | "email" | "remind_days">>>({});
  const { review_first: first, email, remind_days: every } = { ...told, ...wishes };
  const allowed = may("write_settings");
  const changed = Object.fromEntries(Object.entries(wishes).filter(([name, wish]) => wish !== told[name as keyof Told]));
  const dirty = Object.keys(changed).length > 0;
  useUnsaved(dirty && allowed);
  const save = useMutation({
    mutationFn: () => call("put", "/api/accounts/{account}/review/settings", { path: { account }, body: changed }),
    onSuccess: () => {
      wish({});
      fresh();
    },
  });
  const reviewed = useMutation({ mutationFn: () => call("post", "/api/accounts/{account}/review/done", { path: { account } }), onSuccess: fresh });
  return (
    <Panel title="How you review">
      <form onSubmit={sent(() => save.mutate())}>
        <Stack>
          {!allowed && <Note>To change this you need the role owner or admin.</Note>}
          <Switch label="Review first" description="What an update adds or loosens stays denied for this account until an owner or admin accepts it. What it tightens holds at once." checked={first} disabled={!allowed} onChange={(event) => wish({ ...wishes, review_first: event.currentTarget.checked })} />
          {told.review_first && !first && <Note tone="warn">Switching it off accepts everything that waits, and the history says that it was you.</Note>}
          <NumberInput label="Remind of a review every so many days" description="Empty: no reminder." min={1} max={3660} allowDecimal={false} value={every ?? ""} disabled={!allowed} onChange={(days) => wish({ ...wishes, remind_days: typeof days === "number" ? days : null })} />
          <Switch label="E-mail to owners and admins" description={told.email_possible ? "Metadata alone: which providers and models changed." : "The operator has configured no mail server."} checked={email} disabled={!allowed || !told.email_possible} onChange={(event) => wish({ ...wishes, email: event.currentTarget.checked })} />
          <Group gap="sm">
            <Button type="submit" disabled={!dirty || !allowed} loading={save.isPending}>Save</Button>
            <Button variant="default" disabled={!allowed} loading={reviewed.isPending} onClick={() => reviewed.mutate()}>I have reviewed</Button>
            <span className="small dim" role="status">{told.reviewed_at === null ? "Nobody has reviewed yet." : `Last reviewed ${date(told.reviewed_at)}.`}{save.isSuccess && !dirty && " Saved."}</span>
          </Group>
          {(save.error ?? reviewed.error) && <Failed error={save.error ?? reviewed.error} />}
        </Stack>
      </form>
      <Webhook told={told} allowed={allowed} />
    </Panel>
  );
}

function Webhook({ told, allowed }: { told: Told; allowed: boolean }) {
  const { account } = useHere();
  const fresh = useFresh();
  const deliveries = useDeliveries();
  const [url, setUrl] = useState(told.webhook_url ?? "");
  const [made, setMade] = useState<HookMade | null>(null);
  const save = useMutation({
    mutationFn: () => call("put", "/api/accounts/{account}/review/webhook", { path: { account }, body: { url } }),
    onSuccess: (found) => { setMade(found); fresh(); },
  });
  const remove = useMutation({
    mutationFn: () => call("delete", "/api/accounts/{account}/review/webhook", { path: { account } }),
    onSuccess: () => { setMade(null); setUrl(""); fresh(); },
  });
  return (
    <form style={{ marginTop: 20 }} onSubmit={sent(() => save.mutate())}>
      <Stack gap="sm">
        <TextInput label="Webhook" description={told.webhook_possible ? "Signed with HMAC-SHA256 as Standard Webhooks has it. A new address gets a new secret." : "The operator has configured no root key to seal its secret with."} type="url" placeholder={allowed ? "https://" : "Owners and admins see it."} value={url} disabled={!allowed || !told.webhook_possible} onChange={(event) => setUrl(event.currentTarget.value)} />
        {made && <><Note tone="warn" live>This secret is shown this once.</Note><CodeBlock text={made.secret} what="the secret" /></>}
        <Group gap="sm">
          <Button type="submit" variant="default" disabled={!allowed || !told.webhook_possible || url === ""} loading={save.isPending}>Make the webhook</Button>
          {told.webhook_url && <Button variant="default" disabled={!allowed} loading={remove.isPending} onClick={() => remove.mutate()}>Remove it</Button>}
        </Group>
        {(save.error ?? remove.error) && <Failed error={save.error ?? remove.error} />}
        {(deliveries.data?.length ?? 0) > 0 && (
          <details>
            <summary>How the last ones went out</summary>
            <Table label="Deliveries" head={<><th scope="col">By</th><th scope="col">How it ended</th><th scope="col" className="r">Tries</th></>}>
              {deliveries.data?.map((row, place) => (
                <tr key={place}><td>{row.channel}</td><td>{delivery(row.code)}{row.ended_at === null && row.attempts > 0 && `; again ${time(row.next_at)}`}</td><td className="r">{row.attempts}</td></tr>
              ))}
            </Table>
          </details>
        )}
      </Stack>
    </form>
  );
}

const SOURCES: Record<string, string> = { start: "with the product, or by the operator's file", file: "from a file", url: "from the configured address", dashboard: "from the dashboard" };

function Lately() {
  const { account, me } = useHere();
  const client = useQueryClient();
  const updates = useUpdates();
  const telling = updates.data?.rows.some((row) => row.told_at === null) ?? false;
  // When everybody has been told, so has this account.
  useEffect(() => (telling ? () => void client.invalidateQueries({ queryKey: [account, "notifications"] }) : undefined), [telling, account, client]);
  return (
    <Panel title="What changed lately">
      {me.operator && <Bring fromUrl={updates.data?.from_url ?? false} />}
      <Loaded read={updates}>
        {(found) => {
          const rows = found.rows.filter((row) => row.changes > 0);
          if (rows.length === 0) return <p className="dim" style={{ margin: 0 }}>Nothing has changed since this gateway was set up.</p>;
          return <ul style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 14 }}>{rows.map((row) => <OneUpdate key={row.number} row={row} />)}</ul>;
        }}
      </Loaded>
    </Panel>
  );
}

function OneUpdate({ row }: { row: Update }) {
  return (
    <li>
      <strong>{plural(row.changes, "change")}</strong> {SOURCES[row.source]}{" "}
      <Moment at={row.at} />
      {row.told_at === null && row.accounts !== null && (
        <div>
          <progress value={row.told} max={Math.max(row.accounts, 1)} aria-label="Accounts told" /> <span className="small dim">{row.told} of {plural(row.accounts, "account")} told</span>
        </div>
      )}
      <details className="small">
        <summary>Every line</summary>
        <ul style={{ paddingLeft: 18, margin: "6px 0 0" }}>
          {row.lines.map((line) => <li key={line}>{line}</li>)}
          {row.changes > row.lines.length && <li>and {row.changes - row.lines.length} more</li>}
        </ul>
      </details>
    </li>
  );
}

function Bring({ fromUrl }: { fromUrl: boolean }) {
  const client = useQueryClient();
  const [problem, setProblem] = useState<unknown>(null);
  const update = useMutation({
    mutationFn: (file: string | null) => call("post", "/api/gateway/catalogue", { body: { file, allow_older: false, allow_addresses: false } }),
    onSuccess: () => void client.invalidateQueries(),
  });
  const read = async (file: File | undefined) => {
    setProblem(null);
    if (file === undefined) return;
    try {
      update.mutate(await file.text());
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <Stack gap="xs" mb="md">
      <Group gap="sm">
        {fromUrl && <Button size="xs" loading={update.isPending} onClick={() => update.mutate(null)}>Look for an update</Button>}
        <label className="small">
          A compiled catalogue from a file: <input type="file" accept="application/json,.json" disabled={update.isPending} onChange={(event) => void read(event.currentTarget.files?.[0])} />
        </label>
      </Group>
      <div role="status" className="small">
        {update.isPending && "Checking it and putting it into force…"}
        {update.isSuccess && (update.data.update === null ? "That catalogue is in force already." : <InForce snapshot={update.data.snapshot} said="Updated" />)}
      </div>
      {(update.error ?? problem) !== null && <Failed error={update.error ?? problem} />}
    </Stack>
  );
}

function Accepted({ found }: { found: Found }) {
  return (
    <Panel title="Who accepted what">
      {found.accepted.length === 0 ? (
        <p className="dim" style={{ margin: 0 }}>Nobody has accepted anything yet. Each acceptance will stand here, with who gave it and when.</p>
      ) : (
        <Table label="Accepted changes" head={<><th scope="col">What</th><th scope="col">By</th><th scope="col">When</th></>}>
          {found.accepted.map((row) => (
            <tr key={`${row.subject} ${row.update}`}><td>{row.title}</td><td>{row.by_name}</td><td className="nowrap">{time(row.at)}</td></tr>
          ))}
        </Table>
      )}
    </Panel>
  );
}
