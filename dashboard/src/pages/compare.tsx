// Two to four endpoints side by side.

import type { ReactNode } from "react";
import { Link } from "wouter";
import { useModels } from "../api/queries";
import type { EndpointRow, PolicyView } from "../api/schema";
import { useHere } from "../api/session";
import { abilities, Source, Usable } from "../parts/endpoints";
import { Chip, Empty, Loaded, Page, Panel } from "../parts/parts";
import { identity, usePicked } from "../parts/picked";
import { money, tokens } from "../words/format";
import { retention, review, training, zeroRetention } from "../words/policy";

interface Side {
  id: string;
  row: EndpointRow;
}

const policy = (show: (policy: PolicyView) => ReactNode) => (side: Side) => (side.row.data_policy ? show(side.row.data_policy) : "–");

const LINES: [string, (side: Side) => ReactNode][] = [
  ["For you", (side) => <Usable row={side.row} />],
  ["Training", policy((one) => <Chip said={training(one.training)} />)],
  ["Retention", policy((one) => <Chip said={retention(one.retention)} />)],
  ["Why it is kept", policy((one) => one.retention.purpose ?? "not stated")],
  ["Copies of flagged content", policy((one) => (one.flagged ? retention(one.flagged).text : "none known"))],
  ["Zero retention", policy((one) => zeroRetention(one.zero_retention))],
  ["Human review", policy((one) => <Chip said={review(one.human_review)} />)],
  ["Other uses", policy((one) => one.secondary_use.join(", ") || "none known")],
  ["Certifications", policy((one) => one.certifications.join(", ") || "none known")],
  ["Processed in", policy((one) => one.regions.join(", ") || "not stated")],
  ["Stored in", policy((one) => one.storage_regions.join(", ") || "not stated")],
  ["How that is known", policy((one) => <Source policy={one} />)],
  ["Price in, $ per M", (side) => money(side.row.price.input)],
  ["Price out, $ per M", (side) => money(side.row.price.output)],
  ["Context", (side) => tokens(side.row.context_length)],
  ["Can do", (side) => abilities(side.row.capabilities).join(", ") || "text"],
];

export default function Compare() {
  const { account } = useHere();
  const models = useModels();
  const [picked, toggle] = usePicked();
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <Page title="Compare" lead={<Link href={`${base}/models`}>All models</Link>}>
      <Panel>
        <Loaded read={models} lines={10}>
          {(rows) => {
            const all = rows.flatMap((model) => model.endpoints);
            const sides = picked.flatMap((id): Side[] => {
              const row = all.find((one) => identity(one) === id);
              return row ? [{ id, row }] : [];
            });
            if (sides.length === 0) return <Empty icon="models" title="Nothing to compare yet">Open a model and tick two to four of its endpoints.</Empty>;
            return (
              <div className="scroll" role="region" aria-label="Comparison" tabIndex={0}>
                <table className="rows">
                  <thead>
                    <tr>
                      <td />
                      {sides.map((side) => (
                        <th scope="col" key={side.id} style={{ minWidth: 190 }}>
                          <Link href={`${base}/providers/${encodeURIComponent(side.row.provider)}`} style={{ fontSize: "0.95rem" }}>{side.row.provider}</Link>
                          <span className="small dim" style={{ display: "block" }}>{side.row.model}</span>
                          <button type="button" className="sort word small" onClick={() => toggle(side.id)} aria-label={`Leave out ${side.row.provider}`}>leave out</button>
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {LINES.map(([name, show]) => (
                      <tr key={name}>
                        <th scope="row">{name}</th>
                        {sides.map((side) => <td key={side.id}>{show(side)}</td>)}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            );
          }}
        </Loaded>
      </Panel>
    </Page>
  );
}
