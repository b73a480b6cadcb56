// What changed lately in what is known of providers, and what is about to: new statements, records running out, models leaving.

import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { useModels, useProviders } from "../api/queries";
import type { EndpointRow, ProviderRow } from "../api/schema";
import { useHere } from "../api/session";
import { plural } from "../words/format";
import { confidence, retention, training } from "../words/policy";
import { lately } from "../words/lately";
import { Chip, Loaded, Outside, Panel } from "./parts";

export function Lately() {
  const models = useModels();
  const providers = useProviders();
  return (
    <Loaded read={models} lines={10}>
      {(rows) => (
        <Loaded read={providers} lines={10}>
          {(known) => <Lists endpoints={rows.flatMap((model) => model.endpoints)} providers={known} />}
        </Loaded>
      )}
    </Loaded>
  );
}

function Lists({ endpoints, providers }: { endpoints: readonly EndpointRow[]; providers: readonly ProviderRow[] }) {
  const { account } = useHere();
  const base = `/a/${encodeURIComponent(account)}`;
  const found = lately(endpoints, providers, new Date());
  const who = (id: string) => <Link href={`${base}/providers/${encodeURIComponent(id)}`}>{providers.find((row) => row.id === id)?.name ?? id}</Link>;
  return (
    <div className="grid two">
      <Panel title="Statements by date">
        <p className="small dim" style={{ marginTop: -6 }}>What providers have published about your data, newest first, as far as their pages bear a date.</p>
        <Items nothing="No page bears a date.">
          {found.stated.map((row) => (
            <li key={row.id}>
              {who(row.id)} <span className="dim small">{row.provenance.source_date}</span>
              <span className="chips" style={{ marginTop: 4 }}>
                <Chip said={training(row.policy.training)} />
                <Chip said={retention(row.policy.retention)} />
                <Chip said={confidence(row.provenance.confidence)} />
                {row.provenance.source_url && <span className="small"><Outside href={row.provenance.source_url}>source</Outside></span>}
              </span>
            </li>
          ))}
        </Items>
      </Panel>
      <div className="stack">
        <Panel title="Contradicted by what they answered">
          <Items nothing="Nothing that a provider stated in its answers contradicts what it promised.">
            {found.contradicted.map((row) => <li key={row.id}>{who(row.provider)} <span className="small dim">{row.id}</span></li>)}
          </Items>
        </Panel>
        <Panel title="Out of date, or soon to be">
          <p className="small dim" style={{ marginTop: -6 }}>A record that is not checked again in time counts as unknown, and settings that ask for something leave it out.</p>
          <Items nothing="No record runs out in the next 30 days.">
            {found.expiring.map(({ provider, until, endpoints: number, expired }) => (
              <li key={provider}>{who(provider)} <Chip tone={expired ? "bad" : "warn"}>{expired ? "out of date" : `until ${until ?? ""}`}</Chip> <span className="small dim">{plural(number, "endpoint")}</span></li>
            ))}
          </Items>
        </Panel>
        <Panel title="Leaving, or gone">
          <Items nothing="No endpoint is marked as leaving.">
            {found.leaving.map((row) => (
              <li key={row.model + row.id}><Link href={`${base}/models/${row.model}`}>{row.model}</Link> <span className="small dim">at</span> {who(row.provider)} <Chip tone={row.status === "retired" ? "bad" : "warn"}>{row.status}</Chip></li>
            ))}
          </Items>
        </Panel>
      </div>
    </div>
  );
}

const SOME = 10;

function Items({ nothing, children }: { nothing: string; children: readonly ReactNode[] }) {
  const [all, setAll] = useState(false);
  if (children.length === 0) return <p className="dim" style={{ margin: 0 }}>{nothing}</p>;
  return (
    <>
      <ul style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 10 }}>{all ? children : children.slice(0, SOME)}</ul>
      {!all && children.length > SOME && <Button mt="md" size="xs" variant="default" onClick={() => setAll(true)}>Show all {children.length}</Button>}
    </>
  );
}
