// API keys: made (the secret is shown once), limited, rotated, revoked.

import { Button, Group, Modal, Select, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/client";
import { useKeys, useProjects } from "../api/queries";
import type { Limits, MadeKey, ShownKey } from "../api/schema";
import { useHere } from "../api/session";
import { Icon } from "../parts/icon";
import { Chip, CodeBlock, Confirm, Empty, Failed, Loaded, Note, Page, Panel, sent, Table } from "../parts/parts";
import { date, time } from "../words/format";
import { settingsOf } from "../words/policy";
import { bounds, LimitsForm, Used } from "./key_limits";

const ENDS = [
  { value: "", label: "never" },
  { value: "7", label: "in a week" },
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
];
const OVERLAPS = [
  { value: "0", label: "at once" },
  { value: "3600", label: "in an hour" },
  { value: "86400", label: "in a day" },
  { value: "604800", label: "in a week" },
];

type Doing = { what: "make" } | { what: "change" | "rotate" | "revoke"; key: ShownKey } | null;
const TITLES = { make: "New API key", change: "Name and limits", rotate: "Rotate this key", revoke: "Revoke this key" };

export default function Keys() {
  const { may } = useHere();
  const keys = useKeys();
  const [doing, setDoing] = useState<Doing>(null);
  const [made, setMade] = useState<MadeKey | null>(null);
  const finish = (key: MadeKey | null) => {
    setDoing(null);
    setMade(key);
  };
  const make = may("write_keys") && (
    <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setDoing({ what: "make" })}>
      New key
    </Button>
  );
  return (
    <Page title="API keys" lead="What your applications call AnyAPI with. A key carries its own privacy settings on top of the account's." tools={make}>
      {made && <Secret made={made} done={() => setMade(null)} />}
      <Panel>
        <Loaded read={keys}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty icon="key" title="No key yet">
                <p>Make one for each application, so that you can see what each uses and end one without the others.</p>
                {make}
              </Empty>
            ) : (
              <Rows rows={rows} act={setDoing} />
            )
          }
        </Loaded>
      </Panel>
      <Modal opened={doing !== null} onClose={() => setDoing(null)} title={doing && TITLES[doing.what]} centered>
        {doing?.what === "make" && <Make done={finish} />}
        {doing?.what === "change" && <Change row={doing.key} done={() => finish(null)} />}
        {doing?.what === "rotate" && <Rotate row={doing.key} done={finish} />}
        {doing?.what === "revoke" && <Revoke row={doing.key} done={() => finish(null)} />}
      </Modal>
    </Page>
  );
}

function Rows({ rows, act }: { rows: ShownKey[]; act: (doing: Doing) => void }) {
  const { account, may } = useHere();
  return (
    <Table
      label="API keys"
      head={
        <>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Made, ends</th>
          <th scope="col">Spent, limits</th>
          <th scope="col">Its own privacy</th>
          <th scope="col"><span className="visually-hidden">What to do</span></th>
        </>
      }
    >
      {rows.map((row) => {
        const name = row.name || row.prefix;
        const usable = row.state === "active" || row.state === "disabled";
        const replaced = rows.some((other) => other.lineage === row.lineage && other.created_at > row.created_at);
        return (
          <tr key={row.id}>
            <td className="name">
              <strong>{row.name || "no name"}</strong>
              <div className="mono small dim nowrap">{row.prefix}…</div>
              {row.project && <div className="small dim">in {row.project}</div>}
            </td>
            <td className="nowrap"><Chip tone={row.state === "disabled" ? "warn" : row.state === "active" && !replaced ? "good" : "plain"}>{usable && replaced ? "replaced" : row.state}</Chip></td>
            <td>
              <span className="nowrap">{date(row.created_at)}</span>
              <div className="small dim">{row.revoked_at ? `revoked ${date(row.revoked_at)}` : row.expires_at ? `ends ${time(row.expires_at)}` : "does not end"}</div>
            </td>
            <td><Used row={row} /></td>
            <td>
              {settingsOf(row.data_policy).join("; ") || <span className="dim">nothing more</span>}{" "}
              {usable && <Link className="small" href={`/a/${encodeURIComponent(account)}/privacy?layer=key&subject=${row.id}`} aria-label={`Privacy settings of ${name}`}>Settings</Link>}
            </td>
            <td className="r">
              {usable && may("write_keys") && (
                <Group gap={6} wrap="nowrap" justify="flex-end">
                  <Button size="compact-sm" variant="default" aria-label={`Limits of ${name}`} onClick={() => act({ what: "change", key: row })}>Limits</Button>
                  {!replaced && <Button size="compact-sm" variant="default" aria-label={`Rotate ${name}`} onClick={() => act({ what: "rotate", key: row })}>Rotate</Button>}
                  <Button size="compact-sm" variant="default" aria-label={`Revoke ${name}`} onClick={() => act({ what: "revoke", key: row })}>Revoke</Button>
                </Group>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function useChange<R>(mutationFn: () => Promise<R>, done: (result: R) => void) {
  const client = useQueryClient();
  const { account } = useHere();
  return useMutation({
    mutationFn,
    onSuccess: (result) => {
      void client.invalidateQueries({ queryKey: [account, "keys"] });
      void client.invalidateQueries({ queryKey: [account, "changes"] });
      done(result);
    },
  });
}

function Make({ done }: { done: (key: MadeKey) => void }) {
  const { account } = useHere();
  const projects = useProjects();
  const [name, setName] = useState("");
  const [project, setProject] = useState<string | null>(null);
  const [ends, setEnds] = useState("");
  const [limits, setLimits] = useState(bounds());
  const make = useChange(
    () => call("post", "/api/accounts/{account}/keys", { path: { account }, body: { name, project, expires_days: ends ? Number(ends) : null, limits } }),
    done,
  );
  return (
    <form onSubmit={sent(() => make.mutate())}>
      <Stack>
        {make.error && <Failed error={make.error} />}
        <TextInput label="Name" description="Which application it is for." maxLength={100} data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
        {(projects.data?.length ?? 0) > 0 && (
          <Select label="Project" placeholder="none" clearable data={(projects.data ?? []).map((row) => ({ value: row.id, label: row.name }))} value={project} onChange={setProject} />
        )}
        <Select label="It ends" data={ENDS} value={ends} allowDeselect={false} onChange={(next) => setEnds(next ?? "")} />
        <LimitsForm limits={limits} set={setLimits} />
        <Button type="submit" loading={make.isPending}>Make the key</Button>
      </Stack>
    </form>
  );
}

function Change({ row, done }: { row: ShownKey; done: () => void }) {
  const { account } = useHere();
  const [begun] = useState(row);
  const [name, setName] = useState(begun.name);
  const [limits, setLimits] = useState(bounds(begun.limits));
  const [disabled, setDisabled] = useState(begun.state === "disabled");
  // What was not touched here is not sent: somebody else may have changed it since this form was opened.
  const body: { name?: string; limits?: Limits; disabled?: boolean } = {};
  if (name !== begun.name) body.name = name;
  if (JSON.stringify(limits) !== JSON.stringify(bounds(begun.limits))) body.limits = limits;
  if (disabled !== (begun.state === "disabled")) body.disabled = disabled;
  const change = useChange(() => call("put", "/api/accounts/{account}/keys/{key}", { path: { account, key: begun.id }, body }), done);
  return (
    <form onSubmit={sent(() => change.mutate())}>
      <Stack>
        {change.error && <Failed error={change.error} />}
        <TextInput label="Name" maxLength={100} data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <LimitsForm limits={limits} set={setLimits} />
        <Note>Before a request is sent, the most that it can cost is set aside; afterwards what it did cost. So requests at the same time cannot spend more than the cap. A key that was rotated and the one in its place share their limits.</Note>
        <Switch label="Disabled" description="Every request is refused until you take that back." checked={disabled} onChange={(event) => setDisabled(event.currentTarget.checked)} />
        <Button type="submit" loading={change.isPending}>Save</Button>
      </Stack>
    </form>
  );
}

function Rotate({ row, done }: { row: ShownKey; done: (key: MadeKey) => void }) {
  const { account } = useHere();
  const [overlap, setOverlap] = useState("86400");
  const rotate = useChange(
    () => call("post", "/api/accounts/{account}/keys/{key}/rotation", { path: { account, key: row.id }, body: { overlap: Number(overlap) } }),
    done,
  );
  return (
    <Stack>
      <p style={{ margin: 0 }}>A new key takes the place of <strong>{row.name || row.prefix}</strong>, with the same project, limits and privacy settings; they share what is left of the limits. Both work until the old one ends, so that nothing stops while you put the new one in.</p>
      {rotate.error && <Failed error={rotate.error} />}
      <Select label="The old key ends" data={OVERLAPS} value={overlap} allowDeselect={false} onChange={(next) => next && setOverlap(next)} />
      <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>Make the new key</Button>
    </Stack>
  );
}

function Revoke({ row, done }: { row: ShownKey; done: () => void }) {
  const { account } = useHere();
  const revoke = useChange(() => call("delete", "/api/accounts/{account}/keys/{key}", { path: { account, key: row.id } }), done);
  return (
    <Confirm change={revoke} button="Revoke it">
      Once this returns, no worker takes <strong>{row.name || row.prefix}</strong> any more. That cannot be undone.
    </Confirm>
  );
}

function Secret({ made, done }: { made: MadeKey; done: () => void }) {
  const { dataPlane } = useHere();
  const curl = `curl -s ${dataPlane}/v1/chat/completions \\\n  -H "Authorization: Bearer ${made.secret}" \\\n  -H "Content-Type: application/json" \\\n  -d '{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'`;
  const python = `from openai import OpenAI\n\nclient = OpenAI(base_url="${dataPlane}/v1", api_key="${made.secret}")`;
  return (
      <Panel
        title="Your new key"
        tools={<Button variant="default" size="xs" onClick={done}>I have copied it</Button>}
      >
        <Stack>
          <Note tone="warn" live>This is the only time it is shown: AnyAPI keeps a hash of it alone. <span title={`On every worker, by snapshot ${made.snapshot}`}>It works already.</span></Note>
          <CodeBlock text={made.secret} what="the secret" />
          <div className="grid two">
            <div><p className="small dim" style={{ margin: "0 0 6px" }}>From a terminal</p><CodeBlock text={curl} what="the command" /></div>
            <div><p className="small dim" style={{ margin: "0 0 6px" }}>From Python, with OpenAI's own SDK</p><CodeBlock text={python} what="the Python lines" /></div>
          </div>
        </Stack>
      </Panel>
  );
}

