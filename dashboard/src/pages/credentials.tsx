// Providers' keys that serve the account, and what was signed for them. A secret goes to the gateway once and comes back never.

import { Button, Group, Modal, Select, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/client";
import { useCredentials, useFresh } from "../api/queries";
import type { Credentials as All, Kept, ShownAgreement, ShownCredential, Taker, Tier } from "../api/schema";
import { useHere } from "../api/session";
import { DraftAgreement } from "../parts/agreement";
import { History } from "../parts/history";
import { Icon } from "../parts/icon";
import { Named } from "../parts/named";
import { Chip, Confirm, Empty, Failed, InForce, Loaded, Note, Page, Panel, sent, Table } from "../parts/parts";
import { SecretField } from "../parts/secret";
import { date } from "../words/format";
import { agreed, attested, cannotUse, type Draft, EMPTY_DRAFT, fieldsOf, pairs } from "../words/agreement";

const TIERS = [
  { value: "paid", label: "paid: the provider bills for it" },
  { value: "free", label: "free: a free tier, often on other terms" },
  { value: "undeclared", label: "not known: counts as free where that matters" },
];
const TIER_WORDS: Record<string, string> = { paid: "paid", free: "free tier", undeclared: "not declared" };
const MULTILINE = new Set(["google-vertex"]);
const DEPLOYED = new Set(["azure"]);

type Doing = { what: "add" } | { what: "replace" | "sign" | "revoke"; row: ShownCredential } | null;
const TITLES = { add: "Bring a provider's key", replace: "Replace the key", sign: "What is signed", revoke: "Revoke this credential" };

export default function Credentials() {
  const { may } = useHere();
  const read = useCredentials();
  const [doing, setDoing] = useState<Doing>(null);
  const [done, setDone] = useState<Kept | null>(null);
  const [said, setSaid] = useState("");
  const allowed = may("write_settings");
  const finish = (words: string) => (kept: Kept) => {
    setDoing(null);
    setDone(kept);
    setSaid(words);
  };
  const add = allowed && (
    <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setDoing({ what: "add" })}>
      Bring a key
    </Button>
  );
  return (
    <Page
      title="Credentials and agreements"
      lead="The providers' keys that your requests are sent with, and what was signed for each. Your own keys serve this account alone and go before the operator's."
      tools={add}
    >
      {done && <Done kept={done} said={said} />}
      <Loaded read={read} lines={8}>
        {(found) => <Lists found={found} act={allowed ? setDoing : null} add={add} />}
      </Loaded>
      <History gateway={false} only={["credential_added", "credential_replaced", "credential_revoked", "agreements"]} />
      <Modal opened={doing !== null} onClose={() => setDoing(null)} title={doing ? TITLES[doing.what] : ""} centered size="lg">
        {doing?.what === "add" && read.data && <Add takers={read.data.takers} done={finish("The key is kept.")} />}
        {doing?.what === "replace" && <Replace row={doing.row} done={finish("The new key has taken the old one's place.")} />}
        {doing?.what === "sign" && <Sign row={doing.row} done={finish("What is signed was changed.")} />}
        {doing?.what === "revoke" && <Revoke row={doing.row} done={finish("It is revoked, and its secret is deleted.")} />}
      </Modal>
    </Page>
  );
}

function Done({ kept, said }: { kept: Kept; said: string }) {
  const { state } = kept.credential;
  if (state !== "active" && state !== "revoked") return <Note tone="warn" live><strong>{said} The gateway cannot use it, though.</strong> {cannotUse(state)}</Note>;
  return <Note tone="good" live>{said} <InForce snapshot={kept.snapshot} /></Note>;
}

function Lists({ found, act, add }: { found: All; act: ((doing: Doing) => void) | null; add: React.ReactNode }) {
  const own = found.credentials.filter((row) => row.own);
  const theirs = found.credentials.filter((row) => !row.own);
  return (
    <>
      <Panel title="Your own">
        {own.length === 0 ? (
          <Empty icon="vault" title="No key of your own">
            <p>
              {theirs.length > 0 ? "Your requests go with the operator's keys, below. " : "Without any key no request can be answered. "}
              With a key of your own the provider bills you, and what you have signed with it counts: an agreement about zero retention opens endpoints that your settings would leave out.
            </p>
            {add || <p>Somebody with the role owner or admin can add one.</p>}
          </Empty>
        ) : (
          <Rows label="Your own credentials" rows={own} act={act} />
        )}
      </Panel>
      <Panel title="The operator's">
        {theirs.length === 0 ? (
          <p className="dim" style={{ margin: 0 }}>The operator of this gateway has configured none.</p>
        ) : (
          <>
            <p className="small dim" style={{ marginTop: -6 }}>They serve every account of this gateway, and are changed in its configuration file alone.</p>
            <Rows label="The operator's credentials" rows={theirs} act={null} />
          </>
        )}
      </Panel>
    </>
  );
}

function Rows({ label, rows, act }: { label: string; rows: readonly ShownCredential[]; act: ((doing: Doing) => void) | null }) {
  const { account } = useHere();
  const base = `/a/${encodeURIComponent(account)}/providers`;
  return (
    <Table
      label={label}
      head={
        <>
          <th scope="col">Provider</th>
          <th scope="col">Credential</th>
          <th scope="col">State</th>
          <th scope="col">Tier</th>
          <th scope="col">Agreements</th>
          {act && <th scope="col"><span className="visually-hidden">What to do</span></th>}
        </>
      }
    >
      {rows.map((row) => {
        const name = row.name || row.id;
        const alive = act !== null && row.state !== "revoked";
        return (
          <tr key={row.id}>
            <td><Link href={`${base}/${encodeURIComponent(row.provider)}`}>{row.provider}</Link></td>
            <td className="name">
              {row.name && <strong>{row.name}</strong>}
              <span className={row.name ? "mono dim" : "mono"} style={{ display: "block" }}>{row.id}</span>
              <span className="small dim">
                {[row.created_at && `since ${date(row.created_at)}`, row.times_replaced > 0 && `replaced ${row.times_replaced === 1 ? "once" : `${row.times_replaced} times`}`, row.region, ...Object.entries({ ...row.variables, ...row.deployments }).map(([key, value]) => `${key} ${value}`)].filter(Boolean).join(", ")}
              </span>
            </td>
            <td style={{ minWidth: 110 }}><State row={row} /></td>
            <td><Chip tone={row.tier === "paid" ? "good" : "warn"}>{TIER_WORDS[row.tier] ?? row.tier}</Chip></td>
            <td className="wide" style={{ minWidth: 200 }}><Agreements rows={row.agreements} /></td>
            {act && (
              <td className="r wide">
                {alive && (
                  <Group gap={6} wrap="nowrap" justify="flex-end">
                    <Button size="compact-sm" variant="default" aria-label={`Agreements of ${name}`} onClick={() => act({ what: "sign", row })}>Agreements</Button>
                    <Button size="compact-sm" variant="default" aria-label={`Replace ${name}`} onClick={() => act({ what: "replace", row })}>Replace</Button>
                    <Button size="compact-sm" variant="default" aria-label={`Revoke ${name}`} onClick={() => act({ what: "revoke", row })}>Revoke</Button>
                  </Group>
                )}
              </td>
            )}
          </tr>
        );
      })}
    </Table>
  );
}

function State({ row }: { row: ShownCredential }) {
  if (row.state === "active") return <Chip tone="good">in use</Chip>;
  if (row.state === "revoked") return <><Chip>revoked</Chip>{row.revoked_at && <span className="small dim" style={{ display: "block" }}>{date(row.revoked_at)}</span>}</>;
  return (
    <>
      <Chip tone="bad">cannot be used</Chip>
      <span className="small" style={{ display: "block", marginTop: 2 }}>{cannotUse(row.state)}</span>
    </>
  );
}

const STATES = { in_force: { text: "in force", tone: "good" }, not_yet: { text: "not yet", tone: "plain" }, ended: { text: "ended", tone: "warn" } } as const;

function Agreements({ rows }: { rows: readonly ShownAgreement[] }) {
  if (rows.length === 0) return <span className="dim">none: the provider's published terms count</span>;
  return (
    <ul style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 8 }}>
      {rows.map(({ agreement, state }) => (
        <li key={agreement.id}>
          <Chip said={STATES[state as keyof typeof STATES]} /> <strong>{agreed(agreement).join("; ")}</strong>
          <span className="small dim" style={{ display: "block" }}>
            {attested(agreement)}
            {(agreement.models ?? []).length > 0 && <>, for {(agreement.models ?? []).join(", ")}</>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function useKeep(mutationFn: () => Promise<Kept>, done: (kept: Kept) => void) {
  // What can be used, and under which facts, is another now.
  const fresh = useFresh();
  return useMutation({
    mutationFn,
    onSuccess: (kept) => {
      fresh();
      done(kept);
    },
    gcTime: 0,
  });
}

function Secret({ provider, value, set }: { provider: string | null; value: string; set: (value: string) => void }) {
  const words = "It is sealed before it is stored, and never shown again.";
  // A key file has many lines, which a field of one line would run together.
  return MULTILINE.has(provider ?? "") ? (
    <Textarea label="Key file (JSON)" description={words} required withAsterisk={false} autosize minRows={4} maxRows={8} spellCheck={false} autoComplete="off" value={value} onChange={(event) => set(event.currentTarget.value)} />
  ) : (
    <SecretField label="Key" description={words} value={value} set={set} />
  );
}

function Add({ takers, done }: { takers: readonly Taker[]; done: (kept: Kept) => void }) {
  const { account } = useHere();
  const [provider, setProvider] = useState<string | null>(null);
  const [secret, setSecret] = useState("");
  const [tier, setTier] = useState<Tier>("paid");
  const [name, setName] = useState("");
  const [variables, setVariables] = useState<Record<string, string>>({});
  const [deployments, setDeployments] = useState("");
  const [draft, setDraft] = useState<Draft | null>(null);
  const asked = takers.find((one) => one.id === provider)?.variables ?? [];
  const add = useKeep(
    () =>
      call("post", "/api/accounts/{account}/credentials", {
        path: { account },
        body: {
          provider: provider ?? "",
          secret: secret.trim(),
          tier,
          name,
          variables: Object.fromEntries(asked.filter((one) => variables[one]).map((one) => [one, variables[one] as string])),
          deployments: pairs(deployments),
          agreements: draft ? [fieldsOf(draft)] : [],
        },
      }),
    done,
  );
  return (
    <form onSubmit={sent(() => add.mutate())}>
      <Stack>
        {add.error && <Failed error={add.error} />}
        <Named label="Provider" required focused items={takers.map((one) => ({ value: one.id, label: one.name }))} value={provider} set={setProvider} />
        {asked.map((one) => (
          <TextInput key={one} label={one.replaceAll("_", " ")} description="Part of the provider's address for your account." value={variables[one] ?? ""} onChange={(event) => setVariables({ ...variables, [one]: event.currentTarget.value })} />
        ))}
        {DEPLOYED.has(provider ?? "") && (
          <Textarea label="Deployments" description="One a line, model=name. With any, no other model is used with this key." placeholder="gpt-5=acme-gpt-5" autosize minRows={2} spellCheck={false} value={deployments} onChange={(event) => setDeployments(event.currentTarget.value)} />
        )}
        <Secret provider={provider} value={secret} set={setSecret} />
        <Select label="What it pays for" description="Some providers train on what their free tier gets." data={TIERS} value={tier} allowDeselect={false} onChange={(next) => next && setTier(next as Tier)} />
        <TextInput label="Name" description="For people, shown in lists." maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Switch label="Something is signed with this provider" checked={draft !== null} onChange={(event) => setDraft(event.currentTarget.checked ? EMPTY_DRAFT : null)} />
        {draft && <DraftAgreement value={draft} set={setDraft} />}
        <Button type="submit" loading={add.isPending} disabled={!provider || !secret}>Keep it</Button>
      </Stack>
    </form>
  );
}

function Replace({ row, done }: { row: ShownCredential; done: (kept: Kept) => void }) {
  const { account } = useHere();
  const [secret, setSecret] = useState("");
  const replace = useKeep(
    () => call("put", "/api/accounts/{account}/credentials/{credential}/secret", { path: { account, credential: row.id }, body: { secret: secret.trim() } }),
    done,
  );
  return (
    <form onSubmit={sent(() => replace.mutate())}>
      <Stack>
        <p style={{ margin: 0 }}>Make a new key at <strong>{row.provider}</strong>, put it in here, then revoke the old one there. Name, tier and agreements stay. Requests that run already end with the old key.</p>
        {replace.error && <Failed error={replace.error} />}
        <Secret provider={row.provider} value={secret} set={setSecret} />
        <Button type="submit" loading={replace.isPending} disabled={!secret}>Replace the key</Button>
      </Stack>
    </form>
  );
}

function Sign({ row, done }: { row: ShownCredential; done: (kept: Kept) => void }) {
  const { account } = useHere();
  const [read] = useState(row.agreements.map((one) => one.agreement));
  const [kept, setKept] = useState(read);
  const [draft, setDraft] = useState<Draft | null>(row.agreements.length === 0 ? EMPTY_DRAFT : null);
  const sign = useKeep(
    () =>
      call("put", "/api/accounts/{account}/credentials/{credential}/agreements", {
        path: { account, credential: row.id },
        body: { agreements: [...kept.map(({ provider: _, credentials: __, accounts: ___, ...one }) => one), ...(draft ? [fieldsOf(draft, kept.length)] : [])], instead_of: read },
      }),
    done,
  );
  return (
    <form onSubmit={sent(() => sign.mutate())}>
      <Stack>
        <p style={{ margin: 0 }}>What you have signed with <strong>{row.provider}</strong> for this very key. It counts instead of the published terms, for this key alone, and shows as contracted wherever the policy is shown.</p>
        {sign.error && <Failed error={sign.error} />}
        {kept.map((one) => (
          <Group key={one.id} justify="space-between" wrap="nowrap" align="flex-start">
            <div>
              <strong>{agreed(one).join("; ")}</strong>
              <span className="small dim" style={{ display: "block" }}>{attested(one)}</span>
            </div>
            <Button size="compact-sm" variant="default" aria-label={`End ${one.document}`} onClick={() => setKept(kept.filter((other) => other.id !== one.id))}>End it</Button>
          </Group>
        ))}
        {draft ? <DraftAgreement value={draft} set={setDraft} /> : <div><Button variant="default" onClick={() => setDraft(EMPTY_DRAFT)}>Add another</Button></div>}
        {draft && kept.length > 0 && <div><Button variant="subtle" onClick={() => setDraft(null)}>Add none</Button></div>}
        <Button type="submit" loading={sign.isPending}>Attest this</Button>
      </Stack>
    </form>
  );
}

function Revoke({ row, done }: { row: ShownCredential; done: (kept: Kept) => void }) {
  const { account } = useHere();
  const revoke = useKeep(() => call("delete", "/api/accounts/{account}/credentials/{credential}", { path: { account, credential: row.id } }), done);
  return (
    <Confirm change={revoke} button="Revoke it">
      Once this returns, no request of yours begins with <strong>{row.name || row.id}</strong>, its secret is deleted here, and its agreements count no more. That cannot be undone. Revoke the key at {row.provider} too.
    </Confirm>
  );
}
