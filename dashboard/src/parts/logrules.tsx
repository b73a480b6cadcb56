// What is kept for the prompt log: a rule for the account, a project or a key. The nearest one holds.

import { Button, Group, NumberInput, Select, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client";
import { useKeys, useProjects } from "../api/queries";
import type { Keeps, Layer, LogSettings, LogsSaved, ShownRule } from "../api/schema";
import { useHere } from "../api/session";
import { days, keyLabel } from "../words/format";
import { Failed, Panel, sent, Table } from "./parts";

const KEEPS: readonly { value: Keeps; label: string }[] = [
  { value: "both", label: "Prompts and responses" },
  { value: "prompts", label: "Prompts alone" },
  { value: "responses", label: "Responses alone" },
  { value: "nothing", label: "Nothing: an exception" },
];
export const kept = (keeps: Keeps): string => KEEPS.find((one) => one.value === keeps)?.label ?? keeps;

export function Rules({ settings, allowed, changed }: { settings: LogSettings; allowed: boolean; changed: (saved: LogsSaved) => void }) {
  const { account } = useHere();
  const names = useNames();
  const named = ({ layer, subject }: ShownRule) => names.find((one) => one.value === `${layer} ${subject}`)?.label ?? `${layer} ${subject}`;
  const drop = useMutation({
    mutationFn: (row: ShownRule) => call("delete", "/api/accounts/{account}/logs/rules/{layer}/{subject}", { path: { account, layer: row.layer, subject: row.subject } }),
    onSuccess: changed,
  });
  return (
    <Panel title="What is kept">
      {settings.rules.length === 0 ? (
        <p style={{ marginTop: 0 }}>Nothing. A prompt log is off until somebody opts in here.</p>
      ) : (
        <Table label="Rules" head={<><th scope="col">For</th><th scope="col">Kept</th><th scope="col">For how long</th>{allowed && <th scope="col"><span className="visually-hidden">What to do</span></th>}</>}>
          {settings.rules.map((row) => (
            <tr key={`${row.layer} ${row.subject}`}>
              <td className="name">{named(row)}</td>
              <td>{kept(row.keeps)}{row.share < 1 && <>, of {Math.round(row.share * 1000) / 10} % of the requests</>}</td>
              <td className="nowrap">{days(row.ttl_days)}</td>
              {allowed && (
                <td className="r"><Button size="compact-sm" variant="default" loading={drop.isPending} aria-label={`${ending(row, settings.rules)}: ${named(row)}`} onClick={() => drop.mutate(row)}>{ending(row, settings.rules)}</Button></td>
              )}
            </tr>
          ))}
        </Table>
      )}
      {drop.error && <Failed error={drop.error} />}
      {allowed && settings.recipients.length > 0 && <Rule names={names} settings={settings} changed={changed} />}
    </Panel>
  );
}

/** What a rule can be for. */
function useNames(): { value: string; label: string }[] {
  const { account } = useHere();
  const keys = useKeys().data ?? [];
  const projects = useProjects().data ?? [];
  return [
    { value: `account ${account}`, label: "The whole account" },
    ...projects.map((row) => ({ value: `project ${row.id}`, label: `Project ${row.name}` })),
    ...keys.map((row) => ({ value: `key ${row.id}`, label: `Key ${keyLabel(row, keys)}` })),
  ];
}

/** What taking a rule away does: below another one that keeps, that one holds again. */
function ending(row: ShownRule, rules: readonly ShownRule[]): string {
  if (row.keeps === "nothing") return "End the exception";
  const wider = row.layer !== "account" && rules.some((one) => one.keeps !== "nothing" && (one.layer === "account" || (one.layer === "project" && row.layer === "key")));
  return wider ? "Remove the rule" : "Stop keeping";
}

function Rule({ names, settings, changed }: { names: { value: string; label: string }[]; settings: LogSettings; changed: (saved: LogsSaved) => void }) {
  const { account } = useHere();
  const [subject, setSubject] = useState(`account ${account}`);
  const [keeps, setKeeps] = useState<Keeps>("both");
  const [share, setShare] = useState<number | string>(100);
  const [ttl, setTtl] = useState<number | string>(30);
  const there = settings.rules.some((row) => `${row.layer} ${row.subject}` === subject);
  const put = useMutation({
    mutationFn: () => {
      const [layer = "account", name = ""] = subject.split(" ");
      return call("put", "/api/accounts/{account}/logs/rules/{layer}/{subject}", {
        path: { account, layer: layer as Layer, subject: name },
        body: { keeps, share: Number(share) / 100, ttl_days: Number(ttl) },
      });
    },
    onSuccess: changed,
  });
  return (
    <form onSubmit={sent(() => put.mutate())} style={{ marginTop: 16 }}>
      <Stack>
        <Group align="end" gap={12}>
          <Select label="For" data={names} value={subject} allowDeselect={false} w={220} onChange={(next) => next && setSubject(next)} />
          <Select label="Keep" data={[...KEEPS]} value={keeps} allowDeselect={false} w={210} onChange={(next) => next && setKeeps(next as Keeps)} />
          <NumberInput label="Share in %" value={share} min={0.1} max={100} w={110} onChange={setShare} />
          <NumberInput label="Delete after days" value={ttl} min={0.01} max={settings.longest_days} w={140} onChange={setTtl} />
          <Button type="submit" loading={put.isPending}>{there ? "Change the rule" : keeps === "nothing" ? "Make the exception" : "Start keeping"}</Button>
        </Group>
        {put.error && <Failed error={put.error} />}
        <p className="small dim" style={{ margin: 0 }}>A key's own rule goes before its project's, and that before the account's. A request that says store: false is never kept.</p>
      </Stack>
    </form>
  );
}
