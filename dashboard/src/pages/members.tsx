// Who belongs to the account, as what; and its projects.

import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/client";
import { useFresh, useInvitations, useMembers, useProjects } from "../api/queries";
import type { Invitation, Member, PendingInvitation, Role } from "../api/schema";
import { useHere } from "../api/session";
import { History } from "../parts/history";
import { Icon } from "../parts/icon";
import { CodeBlock, Confirm, Failed, Loaded, Note, Page, Panel, sent, Table } from "../parts/parts";
import { date, time } from "../words/format";

const ROLES = [
  { value: "owner", label: "owner: everything, members too" },
  { value: "admin", label: "admin: privacy settings and keys" },
  { value: "member", label: "member: keys, else looking only" },
  { value: "auditor", label: "auditor: looking only" },
];

export default function Members() {
  const { may, me } = useHere();
  const members = useMembers();
  const [inviting, setInviting] = useState(false);
  const [leaving, setLeaving] = useState<Member | null>(null);
  const [invited, setInvited] = useState<Invitation | null>(null);
  const allowed = may("write_members");
  return (
    <Page
      title="Members and projects"
      lead="Who may do what in this account."
      tools={allowed && <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setInviting(true)}>Invite somebody</Button>}
    >
      {invited && <Invited invited={invited} done={() => setInvited(null)} />}
      <Panel title="Members">
        <Loaded read={members}>
          {(rows) => (
            <Table label="Members" head={<><th scope="col">Name</th><th scope="col">E-mail address</th><th scope="col">Role</th><th scope="col">Since</th><th scope="col"><span className="visually-hidden">What to do</span></th></>}>
              {rows.map((row) => (
                <tr key={row.person}>
                  <td className="name"><strong>{row.name}</strong>{row.person === me.person && <span className="dim"> (you)</span>}</td>
                  <td className="wide name">{row.email}</td>
                  <td className="wide" style={{ minWidth: 200 }}>{allowed ? <Change row={row} /> : row.role}</td>
                  <td className="nowrap">{date(row.since)}</td>
                  <td className="r">{allowed && row.person !== me.person && <Button size="compact-sm" variant="default" aria-label={`Remove ${row.name}`} onClick={() => setLeaving(row)}>Remove</Button>}</td>
                </tr>
              ))}
            </Table>
          )}
        </Loaded>
      </Panel>
      {may("write_settings") && <Pending />}
      <div className="grid two">
        <Projects />
        <History gateway={false} />
      </div>
      <Modal opened={inviting} onClose={() => setInviting(false)} title="Invite somebody" centered>
        <Invite done={(found) => { setInviting(false); setInvited(found); }} />
      </Modal>
      <Modal opened={leaving !== null} onClose={() => setLeaving(null)} title="Remove a member" centered>
        {leaving && <Remove row={leaving} done={() => setLeaving(null)} />}
      </Modal>
    </Page>
  );
}

function Change({ row }: { row: Member }) {
  const { account } = useHere();
  const fresh = useFresh();
  const change = useMutation({
    mutationFn: (role: Role) => call("put", "/api/accounts/{account}/members/{person}", { path: { account, person: row.person }, body: { role } }),
    onSettled: fresh,
  });
  return (
    <>
      <Select aria-label={`Role of ${row.name}`} size="xs" data={ROLES} value={row.role} allowDeselect={false} disabled={change.isPending} onChange={(next) => next && change.mutate(next as Role)} />
      {change.error && <Failed error={change.error} />}
    </>
  );
}

function Invite({ done }: { done: (invited: Invitation) => void }) {
  const { account } = useHere();
  const fresh = useFresh();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/members", { path: { account }, body: { email, role } }),
    onSuccess: (found) => { fresh(); done(found); },
  });
  return (
    <form onSubmit={sent(() => invite.mutate())}>
      <Stack>
        {invite.error && <Failed error={invite.error} />}
        <TextInput label="E-mail address" description="You get a link to send to them yourself; AnyAPI sends no mail." type="email" required withAsterisk={false} data-autofocus value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
        <Select label="Role" data={ROLES} value={role} allowDeselect={false} onChange={(next) => next && setRole(next as Role)} />
        <Button type="submit" loading={invite.isPending}>Make the link</Button>
      </Stack>
    </form>
  );
}

function Invited({ invited, done }: { invited: Invitation; done: () => void }) {
  return (
      <Panel title="Send this link" tools={<Button size="xs" variant="default" onClick={done}>Done</Button>}>
        <Stack gap="sm">
          <Note tone="warn" live>It works once, until {time(invited.expires_at)}, and is shown this once.</Note>
          <CodeBlock text={`${window.location.origin}/join#${invited.link}`} what="the link" />
        </Stack>
      </Panel>
  );
}

/** Invitations that nobody has taken yet; of those that ran out nothing is shown. */
function Pending() {
  const pending = useInvitations();
  const [withdrawing, setWithdrawing] = useState<PendingInvitation | null>(null);
  if (pending.data?.length === 0) return null;
  return (
    <Panel title="Pending invitations">
      <Loaded read={pending} lines={1}>
        {(rows) => (
          <Table label="Pending invitations" head={<><th scope="col">E-mail address</th><th scope="col">Role</th><th scope="col">Until</th><th scope="col"><span className="visually-hidden">What to do</span></th></>}>
            {rows.map((row) => (
              <tr key={row.id}>
                <td className="wide name">{row.email}</td>
                <td>{row.role}</td>
                <td className="nowrap">{time(row.expires_at)}</td>
                <td className="r"><Button size="compact-sm" variant="default" aria-label={`Withdraw the invitation of ${row.email}`} onClick={() => setWithdrawing(row)}>Withdraw</Button></td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
      <Modal opened={withdrawing !== null} onClose={() => setWithdrawing(null)} title="Withdraw an invitation" centered>
        {withdrawing && <Withdraw row={withdrawing} done={() => setWithdrawing(null)} />}
      </Modal>
    </Panel>
  );
}

function Withdraw({ row, done }: { row: PendingInvitation; done: () => void }) {
  const { account } = useHere();
  const fresh = useFresh();
  const withdraw = useMutation({
    mutationFn: () => call("delete", "/api/accounts/{account}/invitations/{invitation}", { path: { account, invitation: row.id } }),
    onSuccess: () => { fresh(); done(); },
  });
  return (
    <Confirm change={withdraw} button="Withdraw it">
      The link that was made for <strong>{row.email}</strong> will do nothing any more.
    </Confirm>
  );
}

function Remove({ row, done }: { row: Member; done: () => void }) {
  const { account } = useHere();
  const fresh = useFresh();
  const remove = useMutation({
    mutationFn: () => call("delete", "/api/accounts/{account}/members/{person}", { path: { account, person: row.person } }),
    onSuccess: () => { fresh(); done(); },
  });
  return (
    <Confirm change={remove} button="Remove them">
      <strong>{row.name}</strong> will not see this account any more. The API keys that they made go on working: revoke those yourself.
    </Confirm>
  );
}

function Projects() {
  const { account, may } = useHere();
  const fresh = useFresh();
  const projects = useProjects();
  const [id, setId] = useState("");
  const add = useMutation({
    mutationFn: () => call("post", "/api/accounts/{account}/projects", { path: { account }, body: { id, name: id } }),
    onSuccess: () => { setId(""); fresh(); },
  });
  return (
    <Panel title="Projects">
      <Loaded read={projects}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="dim" style={{ marginTop: 0 }}>A project groups API keys under privacy settings of its own, for example one for patient data and one for the web site.</p>
          ) : (
            <ul style={{ margin: "0 0 16px", paddingLeft: 18 }}>
              {rows.map((row) => (
                <li key={row.id}>{row.name} · <Link className="small" aria-label={`Privacy settings of ${row.name}`} href={`/a/${encodeURIComponent(account)}/privacy?layer=project&subject=${row.id}`}>privacy settings</Link></li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {may("write_settings") && (
        <form onSubmit={sent(() => add.mutate())}>
          <Group align="flex-end" gap="sm">
            <TextInput label="New project" description="Letters, digits, dots, dashes and underscores." pattern="[A-Za-z0-9._\-]{1,64}" required withAsterisk={false} value={id} onChange={(event) => setId(event.currentTarget.value)} style={{ flex: 1 }} />
            <Button type="submit" variant="default" loading={add.isPending}>Add</Button>
          </Group>
          {add.error && <div style={{ marginTop: 8 }}><Failed error={add.error} /></div>}
        </form>
      )}
    </Panel>
  );
}
