// All that is held of an account: taking it along, and deleting it.

import { Button, Modal, Progress, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { call } from "../api/client";
import type { Line, Report } from "../api/schema";
import { SESSION, useHere } from "../api/session";
import { Icon } from "./icon";
import { Failed, Loaded, Note, Panel, sent, Table, coded } from "./parts";
import { count, percent, plural } from "../words/format";
import { sentence } from "../words/policy";

function save(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}

function Bar({ done, all: counted, what }: { done: number; all: number; what: string }) {
  const all = Math.max(done, counted); // rows that came while it ran, at least the note of who asked for it, are in it too
  return (
    <div role="status">
      <Progress value={all === 0 ? 100 : (100 * done) / all} aria-label={what} />
      <p className="small dim num" style={{ margin: "6px 0 0" }}>{count(done)} of {plural(all, "row")} ({percent(done, all)})</p>
    </div>
  );
}

export function TakeAlong() {
  const { account } = useHere();
  const [id, setId] = useState<string | null>(null);
  const ask = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/exports", { path: { account } }),
    onSuccess: (made) => {
      setId(made.id);
      save(`/api/accounts/${encodeURIComponent(account)}/exports/${made.id}/archive`, "");
    },
  });
  const read = useQuery({
    queryKey: [account, "export", id],
    queryFn: () => call("get", "/api/accounts/{account}/exports/{export_id}", { path: { account, export_id: id ?? "" } }),
    enabled: id !== null,
    refetchInterval: (query) => (query.state.data?.state === "done" || query.state.data?.state === "failed" ? false : 500),
  });
  return (
    <Panel title="Take it all along">
      <Stack>
        <p style={{ margin: 0 }}>
          One ZIP archive of all that is held of this account: JSON and CSV, a README that says what each field is, and SHA-256 sums. Secrets are not in it: keys and passwords are stored as hashes,
          and providers' keys are sealed.
        </p>
        {ask.error && <Failed error={ask.error} />}
        {read.data && <Bar done={read.data.done} all={read.data.rows} what="Rows written into the archive" />}
        {read.data?.state === "done" && <Note tone="good" live>The archive is complete: look at your browser's downloads.</Note>}
        {read.data?.state === "failed" && <Note tone="bad" live>The archive broke off, and what was downloaded is not whole. Ask for it again.</Note>}
        <div>
          <Button leftSection={<Icon name="download" size={16} />} loading={ask.isPending || read.data?.state === "running"} onClick={() => ask.mutate()}>Make the archive</Button>
        </div>
      </Stack>
    </Panel>
  );
}

export function DeleteAccount() {
  const { account } = useHere();
  const [open, setOpen] = useState(false);
  const [done, setDone] = useState<Report | null>(null);
  return (
    <Panel title="Delete this account">
      <Stack>
        {done === null ? (
          <>
            <p style={{ margin: 0 }}>Its keys stop working, providers' keys are destroyed, and all that is held of it goes. You see what goes and what must stay, and why, before anything happens.</p>
            <div>
              <Button variant="default" onClick={() => setOpen(true)}>What would be deleted?</Button>
            </div>
          </>
        ) : (
          <Note tone="good" live>{account} was deleted.</Note>
        )}
      </Stack>
      <Modal opened={open} onClose={() => done === null && setOpen(false)} withCloseButton={done === null} size="xl" title={done === null ? `Delete the account ${account}` : "The account is gone"}>
        {done === null ? <Plan done={setDone} /> : <Done report={done} />}
      </Modal>
    </Panel>
  );
}

function Plan({ done }: { done: (report: Report) => void }) {
  const { account } = useHere();
  const [name, setName] = useState("");
  const remove = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/deletion", { path: { account }, body: { name } }),
    onSuccess: ({ report }) => {
      const href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 1)], { type: "application/json" }));
      save(href, `anyapi-${account}-deleted.json`);
      done(report);
    },
  });
  const read = useQuery({
    queryKey: [account, "deletion"],
    queryFn: () => call("get", "/api/accounts/{account}/deletion", { path: { account } }),
    refetchInterval: remove.isPending ? 1000 : false,
    gcTime: 0,
  });
  const [before, setBefore] = useState(0);
  return (
    <Loaded read={read} lines={8}>
      {(plan) =>
        plan.refused !== null ? (
          <Note tone="warn"><strong>This account cannot be deleted.</strong> {coded(plan.refused)}</Note>
        ) : (
          <form onSubmit={sent(() => { setBefore(usageRows(plan)); remove.mutate(); })}>
            <Stack>
              <Lists report={plan} />
              {remove.error && <Failed error={remove.error} />}
              {remove.isPending && <Bar done={before - usageRows(plan)} all={before} what="Usage rows deleted" />}
              <TextInput
                label="Type the account's name to delete it"
                description={<>There is no way back. The name is <strong>{plan.name}</strong>.</>}
                autoComplete="off"
                value={name}
                disabled={remove.isPending}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <div>
                <Button type="submit" color="red.9" disabled={name.trim() !== plan.name} loading={remove.isPending}>Delete it for good</Button>
              </div>
            </Stack>
          </form>
        )
      }
    </Loaded>
  );
}

const usageRows = (report: Report): number => report.goes.find((line) => line.record === "usage")?.rows ?? 0;

function Lists({ report }: { report: Report }) {
  return (
    <>
      <Lines title={report.done ? "Deleted" : "Goes"} lines={report.goes} />
      <Lines title={report.done ? "Stayed" : "Stays"} lines={report.stays} />
      <div>
        <h3 style={{ margin: "0 0 6px" }}>Elsewhere</h3>
        <ul className="small" style={{ margin: 0, paddingLeft: 18 }}>{report.elsewhere.map((one) => <li key={one}>{one}</li>)}</ul>
      </div>
    </>
  );
}

function Lines({ title, lines }: { title: string; lines: readonly Line[] }) {
  const shown = lines.filter((line) => line.rows > 0);
  if (shown.length === 0) return null;
  return (
    <div>
      <h3 style={{ margin: "0 0 6px" }}>{title}</h3>
      <Table label={title} head={<><th scope="col">What</th><th scope="col" className="r">Rows</th><th scope="col">Why</th></>}>
        {shown.map((line) => (
          <tr key={line.record}><td className="nowrap">{sentence(line.record)}</td><td className="r">{count(line.rows)}</td><td>{sentence(line.why)}</td></tr>
        ))}
      </Table>
    </div>
  );
}

function Done({ report }: { report: Report }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const leave = () => {
    go("/", { replace: true });
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
    void client.invalidateQueries({ queryKey: SESSION });
  };
  return (
    <Stack>
      <Note tone="good" live>Deleted. This report was saved to your downloads: the gateway itself keeps no copy.</Note>
      <Lists report={report} />
      {report.known_as !== null && <p className="small" style={{ margin: 0 }}>The audit log names it <span className="mono">{report.known_as}</span>. Keep this: nobody else is told whose that was.</p>}
      {report.wiped === false && <Note tone="warn">The database's files were not rewritten (they are large, in use, or PostgreSQL's, which overwrites nothing): copies of deleted names may be left in their free space until the operator sees to it.</Note>}
      <div><Button onClick={leave}>Done</Button></div>
    </Stack>
  );
}
