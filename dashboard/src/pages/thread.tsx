// One privacy request: what was said, and saying more, as the account or as the privacy team.

import { Button, Group, Select, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/client";
import { useThread, useThreadChanged } from "../api/queries";
import type { RequestStatus, ShownRequest, Thread as Found } from "../api/schema";
import { useHere } from "../api/session";
import { LetterField } from "../parts/letter";
import { Chip, Failed, Loaded, Moment, Page, Panel, sent } from "../parts/parts";
import { date } from "../words/format";
import { finished, KINDS, STATUS } from "../words/requests";

const ANSWERS = [
  { value: "answered", label: "Answered" },
  { value: "in_progress", label: "In progress" },
  { value: "closed", label: "Closed" },
];

export default function Thread({ id }: { id: string }) {
  const { account, me, may } = useHere();
  const read = useThread(id);
  const changed = useThreadChanged();
  return (
    <Page
      title="Privacy request"
      lead={<Link href={`/a/${encodeURIComponent(account)}/requests`}>All requests</Link>}
    >
      <Loaded read={read} lines={8}>
        {({ request, messages }) => (
          <div className="settings">
            <div className="stack">
              <Panel title={KINDS[request.kind].name}>
                <ol style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 14 }}>
                  {messages.map((one, place) => (
                    <li key={`${one.at} ${place}`} className={`note ${one.from_team ? "good" : ""}`}>
                      <div>
                        <strong>{one.by || "Somebody who is gone"}</strong>{" "}
                        <Moment at={one.at} />
                        <p style={{ margin: "4px 0 0", whiteSpace: "pre-wrap" }}>{one.words}</p>
                      </div>
                    </li>
                  ))}
                </ol>
              </Panel>
              {may("write_requests") && <Write request={request} done={changed} />}
            </div>
            <aside className="stack">
              <Panel title="Where it stands">
                <dl className="facts">
                  <dt>Status</dt>
                  <dd><Chip said={STATUS[request.status]} /> {request.overdue && <Chip tone="bad">late</Chip>}</dd>
                  <dt>Asked</dt>
                  <dd>{date(request.opened_at)}, by {request.person_name || "somebody who is gone"}</dd>
                  {!finished(request.status) && <><dt>Due</dt><dd>{date(request.due_at)}</dd></>}
                  <dt>Its id</dt>
                  <dd className="mono">{request.id}</dd>
                </dl>
              </Panel>
              {me.operator && <Answer request={request} done={changed} />}
            </aside>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Write({ request, done }: { request: ShownRequest; done: (thread: Found) => void }) {
  const { account } = useHere();
  const [words, setWords] = useState("");
  const path = { account, request_id: request.id };
  const write = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/requests/{request_id}/messages", { path, body: { words } }),
    onSuccess: (thread) => { setWords(""); done(thread); },
  });
  const close = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/requests/{request_id}/closing", { path }),
    onSuccess: done,
  });
  return (
    <Panel title={finished(request.status) ? "Open it again" : "Write again"}>
      <form onSubmit={sent(() => write.mutate())}>
        <Stack>
          {write.error && <Failed error={write.error} />}
          {close.error && <Failed error={close.error} />}
          <LetterField label="To the privacy team" description={finished(request.status) ? "Writing opens the request again, due anew." : undefined} minRows={3} value={words} set={setWords} />
          <Group>
            <Button type="submit" variant="default" loading={write.isPending}>Send</Button>
            {request.status !== "closed" && <Button variant="default" loading={close.isPending} onClick={() => close.mutate()}>Close the request</Button>}
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}

function Answer({ request, done }: { request: ShownRequest; done: (thread: Found) => void }) {
  const [words, setWords] = useState("");
  const [status, setStatus] = useState<RequestStatus>("answered");
  const reply = useMutation({
    mutationFn: () => call("post", "/api/gateway/requests/{request_id}/replies", { path: { request_id: request.id }, body: { words, status } }),
    onSuccess: (thread) => { setWords(""); done(thread); },
  });
  return (
    <Panel title="Answer as the privacy team">
      <form onSubmit={sent(() => reply.mutate())}>
        <Stack>
          {reply.error && <Failed error={reply.error} />}
          <LetterField label="The answer" description="The account reads it as coming from the privacy team, without your name." minRows={4} required={status === "answered"} value={words} set={setWords} />
          <Select label="Status after it" data={ANSWERS} value={status} allowDeselect={false} onChange={(next) => next && setStatus(next as RequestStatus)} />
          <div>
            <Button type="submit" loading={reply.isPending}>{words.trim() ? "Send the answer" : "Set the status"}</Button>
          </div>
        </Stack>
      </form>
    </Panel>
  );
}
