// The sealed prompt log: who can read it, what is kept, and reading it here. The gateway gives ciphertext; this page opens it.

import { Button, Group, Modal, Stack } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { address, call, problemOf, reach } from "../api/client";
import type { LogEntry, LogsDeleted, LogsSaved } from "../api/schema";
import { useHere } from "../api/session";
import { History } from "../parts/history";
import { Readers } from "../parts/logreaders";
import { kept, Rules } from "../parts/logrules";
import { Chip, CodeBlock, Confirm, Empty, Failed, InForce, Loaded, Moment, Note, Page, Panel, Table } from "../parts/parts";
import { SecretField } from "../parts/secret";
import { count, date, plural } from "../words/format";
import { outcome } from "../words/policy";
import { type Entry, identitiesIn, open, shown } from "../words/seal";

const CHANGES = ["log_recipient_added", "log_recipient_removed", "log_rule", "logs_off", "logs_deleted"];
const PAGE = 50;

type Doing = { what: "delete"; entry: LogEntry } | { what: "delete all" } | { what: "off" } | null;
const TITLES = { delete: "Delete this entry", "delete all": "Delete all that was kept", off: "Switch the log off" };

export default function Logs() {
  const { account, may } = useHere();
  const client = useQueryClient();
  const settings = useQuery({ queryKey: [account, "logs", "settings"], queryFn: () => call("get", "/api/accounts/{account}/logs/settings", { path: { account } }) });
  const [doing, setDoing] = useState<Doing>(null);
  const [said, setSaid] = useState<ReactNode>(null);
  const allowed = may("write_settings");
  const changed = (saved: LogsSaved) => {
    client.setQueryData([account, "logs", "settings"], saved.settings);
    void client.invalidateQueries({ queryKey: [account, "changes"] });
    setDoing(null);
    setSaid(<InForce snapshot={saved.snapshot} />);
  };
  const deleted = (gone: LogsDeleted) => {
    void client.invalidateQueries({ queryKey: [account] });
    setDoing(null);
    setSaid(`${plural(gone.deleted, "entry", "entries")} deleted${gone.wiped ? ", and the bytes are overwritten" : "; the database's files give the bytes up later"}. Backups that the operator made before still hold them, sealed.`);
  };
  const on = settings.data !== undefined && settings.data.rules.some((row) => row.keeps !== "nothing");
  return (
    <Page
      title="Sealed logs"
      lead="Off unless you opt in. What is kept is sealed to the public keys below before it is stored: who holds the identity (the secret half) of one of them can read it, and nobody else, this gateway included. Whoever runs the gateway could add a key too: it would stand below, and in the history. You read it here, in your browser, with an identity that never leaves it."
      tools={
        allowed && (
          <Group gap={8}>
            <Button variant="default" disabled={!on} onClick={() => setDoing({ what: "off" })}>Switch it off</Button>
            <Button variant="default" disabled={!settings.data?.kept.entries} onClick={() => setDoing({ what: "delete all" })}>Delete all of it</Button>
          </Group>
        )
      }
    >
      {said && <Note tone="good" live>{said}</Note>}
      <Loaded read={settings} lines={6}>
        {(found) => (
          <>
            {on && found.recipients.length === 0 && <Note tone="warn">There are rules, but nobody could read what they keep: nothing is kept until there is a public key.</Note>}
            <div className="grid two">
              <Readers settings={found} allowed={allowed} changed={changed} />
              <Rules settings={found} allowed={allowed} changed={changed} />
            </div>
            <Entries remove={allowed ? (entry) => setDoing({ what: "delete", entry }) : null} />
          </>
        )}
      </Loaded>
      <History gateway={false} only={CHANGES} />
      <Modal opened={doing !== null} onClose={() => setDoing(null)} title={doing ? TITLES[doing.what] : ""} centered>
        {doing?.what === "off" && <SwitchOff done={changed} />}
        {(doing?.what === "delete" || doing?.what === "delete all") && <Delete decision={doing.what === "delete" ? doing.entry.decision : null} done={deleted} />}
      </Modal>
    </Page>
  );
}

function SwitchOff({ done }: { done: (saved: LogsSaved) => void }) {
  const { account } = useHere();
  const off = useMutation({ mutationFn: () => call("post", "/api/accounts/{account}/logs/off", { path: { account } }), onSuccess: done });
  return <Confirm change={off} button="Switch it off">Nothing more is kept, of no project and no key: every rule goes. What was kept stays until it expires or you delete it.</Confirm>;
}

function Delete({ decision, done }: { decision: string | null; done: (gone: LogsDeleted) => void }) {
  const { account } = useHere();
  const remove = useMutation({
    mutationFn: () =>
      decision === null
        ? call("post", "/api/accounts/{account}/logs/deletion", { path: { account } })
        : call("delete", "/api/accounts/{account}/logs/entries/{decision}", { path: { account, decision } }),
    onSuccess: done,
  });
  return <Confirm change={remove} button="Delete for good">{decision === null ? "All that was kept of this account goes, what is still being sealed too." : "This entry goes."} There is no way back.</Confirm>;
}

function Entries({ remove }: { remove: ((entry: LogEntry) => void) | null }) {
  const { account } = useHere();
  const [identity, setIdentity] = useState("");
  const [reading, setReading] = useState<LogEntry | null>(null);
  const read = useInfiniteQuery({
    queryKey: [account, "logs", "entries"],
    queryFn: ({ pageParam }) => call("get", "/api/accounts/{account}/logs", { path: { account }, query: { limit: PAGE, ...pageParam } }),
    initialPageParam: {} as { before?: number; before_decision?: string },
    getNextPageParam: (page) => {
      const last = page.entries.at(-1);
      return page.more && last ? { before: last.at, before_decision: last.decision } : undefined;
    },
    refetchInterval: 15_000,
  });
  const able = identitiesIn(identity).length > 0;
  return (
    <Panel title="What was kept">
      <Loaded read={read}>
        {({ pages }) => {
          const entries = pages.flatMap((page) => page.entries);
          if (entries.length === 0) return <Empty icon="vault" title="Nothing was kept">Requests that a rule takes will stand here some moments after they were answered.</Empty>;
          return (
            <Stack>
              <SecretField
                label="Your identity"
                description="Paste it, or all of its file. It stays in this page's memory until you leave: it is sent to nobody and written nowhere."
                placeholder="AGE-SECRET-KEY-1…"
                value={identity}
                set={setIdentity}
              />
              <Table
                label="Entries"
                head={<><th scope="col">When</th><th scope="col">Model</th><th scope="col">Outcome</th><th scope="col">Kept</th><th scope="col">Size</th><th scope="col">Until</th><th scope="col"><span className="visually-hidden">What to do</span></th></>}
              >
                {entries.map((entry) => (
                  <tr key={entry.decision}>
                    <td className="nowrap"><Moment at={entry.at} /></td>
                    <td><Link href={`/a/${encodeURIComponent(account)}/activity/${entry.decision}`}>{entry.model}</Link></td>
                    <td><Chip said={outcome(entry.outcome)} /></td>
                    <td>{kept(entry.keeps)}</td>
                    <td className="num nowrap">{count(entry.bytes ?? 0)} B</td>
                    <td className="nowrap">{date(entry.expires_at)}</td>
                    <td className="r">
                      <Group gap={6} wrap="nowrap" justify="flex-end">
                        <Button size="compact-sm" variant="default" disabled={!able} aria-label={`Read ${entry.decision}`} onClick={() => setReading(entry)}>Read</Button>
                        <Button size="compact-sm" variant="default" component="a" href={sealedAt(account, entry)} download={`${entry.decision}.age`} aria-label={`Download ${entry.decision}, sealed`}>Download</Button>
                        {remove && <Button size="compact-sm" variant="default" aria-label={`Delete ${entry.decision}`} onClick={() => remove(entry)}>Delete</Button>}
                      </Group>
                    </td>
                  </tr>
                ))}
              </Table>
              {read.hasNextPage && <div><Button variant="default" loading={read.isFetchingNextPage} onClick={() => void read.fetchNextPage()}>Older ones</Button></div>}
            </Stack>
          );
        }}
      </Loaded>
      <Modal opened={reading !== null} onClose={() => setReading(null)} title="Opened in this browser" centered size="xl">
        {reading && <Opened entry={reading} identity={identity} />}
      </Modal>
    </Panel>
  );
}

const sealedAt = (account: string, entry: LogEntry) => address("/api/accounts/{account}/logs/entries/{decision}/sealed", { account, decision: entry.decision });

async function fetched(where: string, signal: AbortSignal): Promise<Uint8Array> {
  const answer = await reach(where, { signal }, "The gateway does not answer. Is it running?");
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null));
  return new Uint8Array(await answer.arrayBuffer());
}

function Opened({ entry, identity }: { entry: LogEntry; identity: string }) {
  const { account } = useHere();
  // Nothing that was opened outlives this window: no cache has it, and asking again opens it anew.
  const read = useQuery<Entry>({
    queryKey: [account, "opened", entry.decision],
    queryFn: async ({ signal }) => open(await fetched(sealedAt(account, entry), signal), identity, entry.decision),
    gcTime: 0,
    staleTime: Infinity,
    retry: false,
  });
  if (read.error) return <Failed error={read.error} />;
  return (
    <Loaded read={read}>
      {(found) => (
        <Stack>
          <p className="small dim" style={{ margin: 0 }}>{found.model}, {found.operation}, <Moment at={found.at} /></p>
          {found.prompt !== null && <CodeBlock text={shown(found.prompt)} what="the prompt" />}
          {found.response !== null && <CodeBlock text={shown(found.response)} what="the response" />}
          {found.prompt === null && found.response === null && <Note>Nothing but the facts above is in this entry.</Note>}
        </Stack>
      )}
    </Loaded>
  );
}
