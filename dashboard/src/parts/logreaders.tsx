// Whom the prompt log is sealed to: public keys, pasted or made here. The identity that belongs to one never leaves this page.

import { Button, Checkbox, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client";
import type { LogSettings, LogsSaved, RecipientRow } from "../api/schema";
import { useHere } from "../api/session";
import { date } from "../words/format";
import { fileOf, newPair, type Pair } from "../words/seal";
import { Icon } from "./icon";
import { CodeBlock, Confirm, Empty, Failed, Note, Panel, sent, Table } from "./parts";

/** As many letters of a name as the gateway takes here. */
const LONGEST_NAME = 80;
type Doing = { what: "paste" } | { what: "make"; pair: Pair } | { what: "remove"; row: RecipientRow } | null;

export function Readers({ settings, allowed, changed }: { settings: LogSettings; allowed: boolean; changed: (saved: LogsSaved) => void }) {
  const [doing, setDoing] = useState<Doing>(null);
  const done = (saved: LogsSaved) => {
    setDoing(null);
    changed(saved);
  };
  const full = settings.recipients.length >= settings.most_recipients;
  return (
    <Panel
      title="Who can read it"
      tools={
        allowed && (
          <Group gap={8}>
            <Button size="sm" variant="default" disabled={full} onClick={() => setDoing({ what: "paste" })}>Add a public key</Button>
            <Button size="sm" variant="default" disabled={full} onClick={() => void newPair().then((pair) => setDoing({ what: "make", pair }))}>Make a key pair</Button>
          </Group>
        )
      }
    >
      {settings.recipients.length === 0 ? (
        <Empty icon="key" title="Nobody yet, so nothing is kept">
          Whatever is kept is sealed to public keys before it is stored. Add yours (age1…), or have this page make a pair: the gateway gets the public key, and the identity stays with you.
        </Empty>
      ) : (
        <Table label="Public keys" head={<><th scope="col">Who</th><th scope="col">Public key</th><th scope="col">Since</th>{allowed && <th scope="col"><span className="visually-hidden">What to do</span></th>}</>}>
          {settings.recipients.map((row) => (
            <tr key={row.id}>
              <td className="name">{row.name || <span className="dim">unnamed</span>}</td>
              <td className="mono wide" style={{ overflowWrap: "anywhere" }}>{row.recipient}</td>
              <td className="nowrap">{date(row.created_at)}</td>
              {allowed && (
                <td className="r">
                  <Button size="compact-sm" variant="default" aria-label={`Remove ${row.name || row.recipient}`} onClick={() => setDoing({ what: "remove", row })}>Remove</Button>
                </td>
              )}
            </tr>
          ))}
        </Table>
      )}
      <Modal opened={doing !== null} onClose={() => setDoing(null)} title={doing?.what === "make" ? "Keep the identity" : doing?.what === "remove" ? "Remove a public key" : "Add a public key"} centered size="lg">
        {doing?.what === "paste" && <Paste done={done} />}
        {doing?.what === "make" && <Make pair={doing.pair} done={done} />}
        {doing?.what === "remove" && <Remove row={doing.row} done={done} />}
      </Modal>
    </Panel>
  );
}

function useAdding(done: (saved: LogsSaved) => void) {
  const { account } = useHere();
  return useMutation({
    mutationFn: (body: { recipient: string; name: string }) => call("post", "/api/accounts/{account}/logs/recipients", { path: { account }, body }),
    onSuccess: done,
  });
}

function Paste({ done }: { done: (saved: LogsSaved) => void }) {
  const [recipient, setRecipient] = useState("");
  const [name, setName] = useState("");
  const add = useAdding(done);
  const secret = recipient.trim().toUpperCase().startsWith("AGE-SECRET-KEY-");
  return (
    <form onSubmit={sent(() => add.mutate({ recipient, name }))}>
      <Stack>
        {add.error && <Failed error={add.error} />}
        {secret && <Note tone="bad" live>That is an identity: it must not leave your machine. Paste the public key that stands above it in its file.</Note>}
        <TextInput label="Public key" description="As age-keygen prints it: age1 and 58 letters and digits." classNames={{ input: "mono" }} value={recipient} onChange={(event) => setRecipient(event.currentTarget.value)} required autoComplete="off" spellCheck={false} />
        <TextInput label="Name" description="Whose it is, for people." value={name} maxLength={LONGEST_NAME} onChange={(event) => setName(event.currentTarget.value)} />
        <div><Button type="submit" disabled={secret || recipient.trim() === ""} loading={add.isPending}>Add it</Button></div>
      </Stack>
    </form>
  );
}

function Make({ pair, done }: { pair: Pair; done: (saved: LogsSaved) => void }) {
  const { me } = useHere();
  const [kept, setKept] = useState(false);
  const add = useAdding(done);
  const save = () => {
    const href = URL.createObjectURL(new Blob([fileOf(pair)], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = href;
    link.download = "anyapi-log-identity.txt";
    link.click();
    URL.revokeObjectURL(href);
  };
  return (
    <Stack>
      <Note tone="warn">This browser made it just now, and nothing of it was sent. Without it nobody can read what is sealed to this key alone, the gateway's operator included. It is not shown again.</Note>
      <CodeBlock text={pair.identity} what="the identity" />
      <div><Button variant="default" leftSection={<Icon name="download" size={16} />} onClick={save}>Save it as a file</Button></div>
      <Checkbox label="I have kept the identity in a safe place" checked={kept} onChange={(event) => setKept(event.currentTarget.checked)} />
      {add.error && <Failed error={add.error} />}
      <div><Button disabled={!kept} loading={add.isPending} onClick={() => add.mutate({ recipient: pair.recipient, name: me.name.slice(0, LONGEST_NAME) })}>Add its public key</Button></div>
    </Stack>
  );
}

function Remove({ row, done }: { row: RecipientRow; done: (saved: LogsSaved) => void }) {
  const { account } = useHere();
  const remove = useMutation({
    mutationFn: () => call("delete", "/api/accounts/{account}/logs/recipients/{recipient_id}", { path: { account, recipient_id: row.id } }),
    onSuccess: done,
  });
  return (
    <Confirm change={remove} button="Remove it">
      Nothing is sealed to <strong>{row.name || row.recipient}</strong> any more. What was sealed to it before stays readable to whoever holds its identity; delete it if it must not be. Without any public key nothing is kept.
    </Confirm>
  );
}
