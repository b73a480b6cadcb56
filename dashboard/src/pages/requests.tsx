// Requests to the privacy team: asking, what was asked, and the team's own inbox.

import { Button, Select, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { call } from "../api/client";
import { useInbox, useRequests, useThreadChanged } from "../api/queries";
import type { RequestKind, RequestPage, ShownRequest } from "../api/schema";
import { useHere } from "../api/session";
import { LetterField } from "../parts/letter";
import { Chip, Empty, Failed, Loaded, Note, Outside, Page, Panel, sent, Table } from "../parts/parts";
import { count, date, plural } from "../words/format";
import { finished, KINDS, LONGEST_WORDS, STATUS } from "../words/requests";

export default function Requests() {
  const { me, may } = useHere();
  const read = useRequests();
  const inbox = useInbox(me.operator);
  return (
    <Page title="Privacy requests" lead="Ask the people who run this gateway what they hold, have it corrected or deleted, object, or just ask. Answers come here.">
      {me.operator && (
        <Panel title="Inbox of the privacy team">
          <Loaded read={inbox}>
            {(rows) =>
              rows.length === 0 ? (
                <p className="dim" style={{ margin: 0 }}>Nobody has asked anything. Requests of every account will stand here, those due soonest first.</p>
              ) : (
                <List rows={rows} label="Inbox" team />
              )
            }
          </Loaded>
        </Panel>
      )}
      <div className="grid two">
        <Panel title="Requests of this account">
          <Loaded read={read}>
            {(page) =>
              page.requests.length === 0 ? (
                <Empty icon="letter" title="Nothing was asked yet">Each request gets a thread of its own, a status, and a day by which it is to be answered.</Empty>
              ) : (
                <>
                  <List rows={page.requests} label="Requests of this account" />
                  <p className="small dim" style={{ marginBottom: 0 }}>A request is deleted {plural(page.kept_days, "day")} after the last word, once it is answered or closed.</p>
                </>
              )
            }
          </Loaded>
        </Panel>
        <Panel title="Ask the privacy team">
          <Loaded read={read}>{(page) => (may("write_requests") ? <Ask page={page} /> : <Reach page={page}>Auditors can read requests and not write any.</Reach>)}</Loaded>
        </Panel>
      </div>
    </Page>
  );
}

function List({ rows, label, team = false }: { rows: ShownRequest[]; label: string; team?: boolean }) {
  return (
    <Table
      label={label}
      head={<><th scope="col">What</th>{team && <th scope="col">Account</th>}<th scope="col">Who</th><th scope="col">Status</th><th scope="col">Due</th></>}
    >
      {rows.map((row) => (
        <tr key={row.id}>
          <td className="nowrap">
            <Link href={`/a/${encodeURIComponent(row.account)}/requests/${row.id}`}>{KINDS[row.kind].name}</Link>
            <div className="small dim">{date(row.opened_at)}</div>
          </td>
          {team && <td className="name">{row.account}</td>}
          <td className="name">{row.person_name || <span className="dim">somebody who is gone</span>}</td>
          <td><Chip said={STATUS[row.status]} /></td>
          <td className="nowrap">{finished(row.status) ? <span className="dim">–</span> : <>{date(row.due_at)} {row.overdue && <Chip tone="bad">late</Chip>}</>}</td>
        </tr>
      ))}
    </Table>
  );
}

function Reach({ page, children }: { page: RequestPage; children: ReactNode }) {
  return (
    <div className="small dim">
      {children}{" "}
      {page.contact === null ? (
        "The operator has configured no other address for privacy matters."
      ) : /^https?:/.test(page.contact) ? (
        <>Other ways to reach the team: <Outside href={page.contact}>{page.contact}</Outside></>
      ) : (
        <>Other ways to reach the team: <a href={`mailto:${page.contact}`}>{page.contact}</a></>
      )}
    </div>
  );
}

function Ask({ page }: { page: RequestPage }) {
  const { account } = useHere();
  const changed = useThreadChanged();
  const [, go] = useLocation();
  const [kind, setKind] = useState<RequestKind>("question");
  const [words, setWords] = useState("");
  const ask = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/requests", { path: { account }, body: { kind, words } }),
    onSuccess: (thread) => {
      changed(thread);
      go(`/a/${encodeURIComponent(account)}/requests/${thread.request.id}`);
    },
  });
  return (
    <form onSubmit={sent(() => ask.mutate())}>
      <Stack>
        {ask.error && <Failed error={ask.error} />}
        <Select
          label="What is it about?"
          description={KINDS[kind].help}
          data={Object.entries(KINDS).map(([value, said]) => ({ value, label: said.name }))}
          value={kind}
          allowDeselect={false}
          onChange={(next) => next && setKind(next as RequestKind)}
        />
        <LetterField
          label="Your words"
          description={`At most ${count(LONGEST_WORDS)} characters. Everybody in this account can read them, and so can the privacy team. Leave out prompts and secrets.`}
          minRows={5}
          value={words}
          set={setWords}
        />
        <Note>The team means to answer within {plural(page.answer_days, "day")}.</Note>
        <div>
          <Button type="submit" loading={ask.isPending}>Send it</Button>
        </div>
        <Reach page={page}>What you write is kept here alone, beside your account's other records.</Reach>
      </Stack>
    </form>
  );
}
