// Endpoints with their data policies side by side: the table of a model or a provider, and the pieces that comparing uses too.

import { Checkbox } from "@mantine/core";
import { Link } from "wouter";
import type { Capabilities, EndpointRow, PolicyView } from "../api/schema";
import { age, money, tokens } from "../words/format";
import { AVAILABILITY, confidence, keeps, reason, review, training } from "../words/policy";
import { Chip, Outside, Table } from "./parts";
import { identity } from "./picked";

export function abilities(can: Capabilities): string[] {
  const names: [boolean | null | undefined, string][] = [
    [can.vision, "images"], [can.pdf_input, "PDF"], [can.audio_input, "audio"], [can.tools, "tools"], [can.structured_outputs, "JSON"], [can.reasoning, "reasoning"],
  ];
  return names.filter(([has]) => has).map(([, name]) => name);
}

export function Facts({ policy }: { policy: PolicyView | null }) {
  if (policy === null) return <Chip tone="bad">no data policy</Chip>;
  return (
    <span className="chips">
      <Chip said={training(policy.training)} />
      <Chip said={keeps(policy)} />
      <Chip said={review(policy.human_review)} />
    </span>
  );
}

export function Source({ policy }: { policy: PolicyView | null }) {
  if (policy === null) return <>–</>;
  const known = confidence(policy.confidence);
  return (
    <span>
      <Chip said={known} /> {policy.grade !== "declared" && <Chip tone="good">{policy.grade}</Chip>} {policy.expired && <Chip tone="bad">out of date</Chip>}
      <span className="small dim">
        {policy.source_url ? <Outside href={policy.source_url}>source</Outside> : "no source page"}, <span className="whole">checked {age(policy.age_days)}</span>
      </span>
    </span>
  );
}

export function Usable({ row }: { row: EndpointRow }) {
  if (row.reasons.length === 0) return <Chip tone="good">you can use it</Chip>;
  const policy = row.reasons.filter((code) => !AVAILABILITY.has(code));
  const shown = policy.length ? policy : row.reasons;
  return (
    <span>
      <Chip tone={row.permitted ? "plain" : "warn"}>{row.permitted ? "allowed, not usable" : "left out"}</Chip>
      <span className="small dim" style={{ display: "block", marginTop: 2 }}>{shown.map(reason).join("; ")}</span>
    </span>
  );
}

export interface Named {
  name: string;
  href: string;
  row: EndpointRow;
}

export function Endpoints({ rows, head, chosen, choose }: { rows: readonly Named[]; head: string; chosen: readonly string[]; choose: (id: string) => void }) {
  return (
    <Table
      label="Endpoints"
      head={
        <>
          <th scope="col"><span className="visually-hidden">Compare</span></th>
          <th scope="col">{head}</th>
          <th scope="col">For this account</th>
          <th scope="col">What happens to your data</th>
          <th scope="col" className="r">In / out, $ per M</th>
          <th scope="col">Can do</th>
        </>
      }
    >
      {rows.map(({ name, href, row }) => (
        <tr key={identity(row)}>
          <td><Checkbox size="xs" mt={3} aria-label={`Compare ${row.id} for ${name}`} checked={chosen.includes(identity(row))} disabled={chosen.length >= 4 && !chosen.includes(identity(row))} onChange={() => choose(identity(row))} /></td>
          <td style={{ minWidth: 130 }}>
            <Link href={href}>{name}</Link>
            <span className="small dim" style={{ display: "block" }}>{[row.region, row.status === "active" ? null : row.status].filter(Boolean).join(", ")}</span>
          </td>
          <td style={{ minWidth: 150 }}><Usable row={row} /></td>
          <td className="wide" style={{ minWidth: 300 }}>
            <Facts policy={row.data_policy} />
            <div style={{ marginTop: 4 }}><Source policy={row.data_policy} /></div>
          </td>
          <td className="r">{money(row.price.input)} / {money(row.price.output)}</td>
          <td style={{ minWidth: 110 }} className="small">
            {abilities(row.capabilities).join(", ") || "text"}
            {row.context_length && <span className="dim" style={{ display: "block" }}>{tokens(row.context_length)} context</span>}
          </td>
        </tr>
      ))}
    </Table>
  );
}
