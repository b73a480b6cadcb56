// The account's entries in the audit log, as they are hashed, and the signed checkpoint that holds the gateway to all of them.

import { Button, SegmentedControl, Stack } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { address, call } from "../api/client";
import type { LoggedEntry, NamedInLog, ShownAudit } from "../api/schema";
import { useHere } from "../api/session";
import { Icon } from "../parts/icon";
import { CodeBlock, Empty, Loaded, Moment, Note, Page, Panel, Table, Tile } from "../parts/parts";
import { saidBy } from "../words/audit";
import { count } from "../words/format";

export default function AuditLog() {
  const { account } = useHere();
  const [changes, setChanges] = useState(true);
  const read = useInfiniteQuery({
    queryKey: [account, "audit", changes],
    queryFn: ({ pageParam }) => call("get", "/api/accounts/{account}/audit", { path: { account }, query: { changes, ...(pageParam === null ? {} : { before: pageParam }) } }),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.before ?? undefined,
    refetchInterval: 30_000,
  });
  return (
    <Page
      title="Audit log"
      lead="Every change is entered here about a second later, and every request, unless the operator leaves its data class out. Each signed checkpoint covers all that stands before it. No prompt and no answer is in it. It names accounts, keys, apps and people by random ids; the names below are added for you, and go with what they name."
      tools={
        <Button component="a" href={address("/api/accounts/{account}/audit/checkpoint", { account })} download variant="default" size="xs" leftSection={<Icon name="download" size={14} />}>
          Save the checkpoint
        </Button>
      }
    >
      <Loaded read={read} lines={8}>
        {({ pages }) => {
          const newest = pages[0];
          const entries = pages.flatMap((page) => page.entries);
          const names = Object.assign({}, ...pages.map((page) => page.names)) as Record<string, NamedInLog>;
          return (
            <>
              {newest && <Signed found={newest} />}
              <Panel
                title={changes ? "Changes of this account" : "Everything of this account"}
                tools={<SegmentedControl size="xs" aria-label="Which entries" value={changes ? "changes" : "all"} data={[{ value: "changes", label: "Changes" }, { value: "all", label: "Requests too" }]} onChange={(next) => setChanges(next === "changes")} />}
              >
                <Stack>
                  {entries.length === 0 ? <Nothing more={read.hasNextPage} changes={changes} /> : <Entries entries={entries} names={names} />}
                  {read.hasNextPage && (
                    <div>
                      <Button variant="default" loading={read.isFetchingNextPage} onClick={() => void read.fetchNextPage()}>
                        Older ones
                      </Button>
                    </div>
                  )}
                </Stack>
              </Panel>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Signed({ found }: { found: ShownAudit }) {
  return (
    <>
      <div className="grid tiles">
        <Tile name="Entries in the log" value={count(found.size)} below="of all accounts of this gateway" />
        <Tile name="Signed" value={count(found.covered)} below={found.covered === found.size ? "all of them" : "the newest follow within a second"} />
      </div>
      <Panel title="Hold the gateway to it">
        <p>
          Save the checkpoint now and then, and keep it somewhere else: then nothing that stands before it can be altered, taken out or put in unnoticed. <code>anyapi audit fsck --checkpoint FILE</code>, which whoever runs the gateway can call in front of you, fails. Each request's receipt, on its own page, proves by itself that it stands in the log: <code>anyapi verify</code>, or the one-file verifier, checks it without this gateway.
        </p>
        {found.key === null ? <Note>Nothing is signed yet. The first checkpoint comes a second after the first entry.</Note> : (
          <>
            <p>The key that signs it, for <code>--key</code> of these commands. Keep it too: a log made anew would be signed with another.</p>
            <CodeBlock text={found.key} what="The key that signs the log" />
          </>
        )}
      </Panel>
    </>
  );
}

function Nothing({ more, changes }: { more: boolean; changes: boolean }) {
  if (more) return <p className="dim" style={{ margin: 0 }}>None among the newest entries of this gateway: look among older ones.</p>;
  return (
    <Empty icon="chain" title={changes ? "Nothing was changed yet" : "Nothing is entered yet"}>
      {changes ? "Keys, settings, members, agreements: each change stands here with who made it." : "Each request and each change stands here a second later, unless the operator leaves its class out of the log."}
    </Empty>
  );
}

function Entries({ entries, names }: { entries: LoggedEntry[]; names: Record<string, NamedInLog> }) {
  return (
    <Table
      label="Entries"
      head={
        <>
          <th scope="col" className="r">Position</th>
          <th scope="col">When</th>
          <th scope="col">What</th>
        </>
      }
    >
      {entries.map((entry) => <Entry key={entry.position} entry={entry} names={names} />)}
    </Table>
  );
}

function Entry({ entry, names }: { entry: LoggedEntry; names: Record<string, NamedInLog> }) {
  const { account } = useHere();
  const { title, values } = saidBy(entry, names);
  return (
    <tr>
      <td className="r num">{entry.position}</td>
      <td className="nowrap">{entry.at === null ? "–" : <Moment at={entry.at} />}</td>
      <td className="wide">
        {entry.decision === null ? title : <Link href={`/a/${encodeURIComponent(account)}/activity/${entry.decision}`}>{title}</Link>}
        <div className="small dim" style={{ overflowWrap: "anywhere" }}>{values.join(" · ")}</div>
        <details>
          <summary className="small" aria-label={`Entry ${entry.position} word for word`}>Word for word</summary>
          <pre className="code" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{entry.entry}</pre>
        </details>
      </td>
    </tr>
  );
}
