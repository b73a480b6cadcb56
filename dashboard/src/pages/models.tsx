// Models and providers in tables that can be searched and sorted, judged by what the account asks.

import { Button, MultiSelect, SegmentedControl, Switch, TextInput } from "@mantine/core";
import { useDeferredValue, useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { useCatalogue, useModels, useProviders } from "../api/queries";
import type { ModelRow, ProviderRow } from "../api/schema";
import { useHere } from "../api/session";
import { abilities, Source } from "../parts/endpoints";
import { Lately } from "../parts/lately";
import { Chip, Empty, Loaded, type Order, Outside, Page, Panel, SortHead, Table } from "../parts/parts";
import { money, tokens } from "../words/format";
import { confidence, keeps, leniency, strictness, training } from "../words/policy";

export default function Models() {
  const [search, setSearch] = useSearchParams();
  const catalogue = useCatalogue();
  const shows = (["providers", "lately"] as const).find((one) => one === search.get("show")) ?? "models";
  return (
    <Page
      title="Models and providers"
      lead={
        <>
          Who serves what, what happens to your data there, and which of it your settings allow.
          {catalogue.data && <> Catalogue of {catalogue.data.compiled}: {catalogue.data.models} models, {catalogue.data.providers} providers, {catalogue.data.endpoints} endpoints.</>}
        </>
      }
      tools={<SegmentedControl aria-label="Show" value={shows} onChange={(next) => setSearch({ show: next })} data={[{ value: "models", label: "Models" }, { value: "providers", label: "Providers" }, { value: "lately", label: "Lately" }]} />}
    >
      {shows === "models" ? <ModelTable /> : shows === "providers" ? <ProviderTable /> : <Lately />}
    </Page>
  );
}

const SOME = 50;

interface Summary {
  row: ModelRow;
  permitted: number;
  cheapest: number | null;
  context: number;
  can: string[];
  best: ModelRow["endpoints"][number] | undefined;
}

function summary(row: ModelRow): Summary {
  const allowed = row.endpoints.filter((endpoint) => endpoint.permitted);
  const had = allowed.length ? allowed : row.endpoints; // what only an endpoint that is left out can do is not to be had
  const prices = allowed.map(({ price }) => (price.input ?? Number.NaN) + (price.output ?? Number.NaN)).filter((price) => price > 0);
  return {
    row,
    permitted: allowed.length,
    cheapest: prices.length ? Math.min(...prices) : null,
    context: Math.max(0, ...had.map((endpoint) => endpoint.context_length ?? 0)),
    can: [...new Set(had.flatMap((endpoint) => abilities(endpoint.capabilities)))],
    best: [...allowed].sort((one, other) => strictness(one.data_policy) - strictness(other.data_policy))[0],
  };
}

const MODEL_ORDER: Record<string, (one: Summary) => number | string> = {
  name: (one) => one.row.id,
  endpoints: (one) => one.permitted,
  price: (one) => one.cheapest ?? Number.POSITIVE_INFINITY,
  context: (one) => one.context,
  policy: (one) => strictness(one.best?.data_policy ?? null),
};

function ordered<T>(rows: readonly T[], keys: Record<string, (row: T) => number | string>, { by, down }: Order): T[] {
  const key = keys[by];
  if (!key) return [...rows];
  return [...rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
  });
}

function ModelTable() {
  const { account } = useHere();
  const models = useModels();
  const [text, setText] = useState("");
  const [mine, setMine] = useState(false);
  const [needs, setNeeds] = useState<string[]>([]);
  const [order, setOrder] = useState<Order>({ by: "name", down: false });
  const [whole, setWhole] = useState(false);
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const all = useMemo(() => (models.data ?? []).map(summary), [models.data]);
  const shown = useMemo(
    () =>
      ordered(
        all.filter((one) => (!mine || one.row.permitted) && `${one.row.id} ${one.row.name}`.toLowerCase().includes(wanted) && needs.every((need) => one.can.includes(need))),
        MODEL_ORDER,
        order,
      ),
    [all, mine, wanted, needs, order],
  );
  return (
    <Panel>
      <div style={{ display: "flex", gap: "12px 20px", flexWrap: "wrap", alignItems: "center", marginBottom: 12 }}>
        <TextInput aria-label="Search models" type="search" placeholder="Search models" value={text} onChange={(event) => setText(event.currentTarget.value)} style={{ flex: "1 1 220px" }} />
        <MultiSelect aria-label="Must be able to take or do" placeholder={needs.length ? undefined : "Able to…"} data={["images", "PDF", "audio", "tools", "JSON", "reasoning"]} value={needs} onChange={setNeeds} style={{ flex: "1 1 200px", maxWidth: 340 }} />
        <Switch label="Eligible for me" checked={mine} onChange={(event) => setMine(event.currentTarget.checked)} />
      </div>
      <Loaded read={models} lines={12}>
        {() =>
          shown.length === 0 ? (
            <Empty icon="models" title="No model fits">{mine ? "Your privacy settings and this search leave none. Switch off “Eligible for me” to see what is left out and why." : "Search for less."}</Empty>
          ) : (
            <>
              <p className="small dim" role="status" style={{ margin: "0 0 4px" }}>{shown.length} of {all.length} models</p>
              <Table
                label="Models"
                head={
                  <>
                    <SortHead by="name" order={order} set={setOrder}>Model</SortHead>
                    <SortHead by="endpoints" order={order} set={setOrder}>Allowed</SortHead>
                    <SortHead by="policy" order={order} set={setOrder}>Best policy you can have</SortHead>
                    <SortHead by="price" order={order} set={setOrder} right>Cheapest allowed, $/M</SortHead>
                    <SortHead by="context" order={order} set={setOrder}>Context, can do</SortHead>
                  </>
                }
              >
                {shown.slice(0, whole ? shown.length : SOME).map((one) => (
                  <tr key={one.row.id}>
                    <td>
                      <Link href={`/a/${encodeURIComponent(account)}/models/${one.row.id}`}>{one.row.name}</Link>
                      <span className="small dim" style={{ display: "block" }}>{one.row.id}</span>
                    </td>
                    <td className="wide"><Chip tone={one.row.usable ? "good" : one.permitted ? "plain" : "warn"}>{one.permitted} of {one.row.endpoints.length}</Chip> <span className="small dim">{one.row.usable ? "" : one.permitted ? "no credential" : "all left out"}</span></td>
                    <td className="wide" style={{ minWidth: 320 }}>
                      {one.best?.data_policy ? (
                        <>
                          <span className="chips"><Chip said={training(one.best.data_policy.training)} /><Chip said={keeps(one.best.data_policy)} /></span>
                          <span style={{ display: "block", marginTop: 4 }}><Source policy={one.best.data_policy} /></span>
                        </>
                      ) : (
                        <span className="dim">no endpoint is allowed</span>
                      )}
                    </td>
                    <td className="r">{one.cheapest === null ? "–" : money(one.cheapest)}</td>
                    <td className="small">{one.context > 0 && <strong className="num">{tokens(one.context)}</strong>} <span className="dim">{one.can.join(", ") || "text"}</span></td>
                  </tr>
                ))}
              </Table>
              {!whole && shown.length > SOME && <Button mt="md" variant="default" onClick={() => setWhole(true)}>Show all {shown.length}</Button>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

const PROVIDER_ORDER: Record<string, (row: ProviderRow) => number | string> = {
  name: (row) => row.name.toLowerCase(),
  permitted: (row) => row.permitted / Math.max(row.endpoints, 1),
  policy: (row) => leniency(row.policy.training, row.policy.retention),
  checked: (row) => row.provenance.verified_at ?? "",
};

function ProviderTable() {
  const { account } = useHere();
  const providers = useProviders();
  const [text, setText] = useState("");
  const [mine, setMine] = useState(false);
  const [order, setOrder] = useState<Order>({ by: "name", down: false });
  const wanted = text.trim().toLowerCase();
  const shown = ordered((providers.data ?? []).filter((row) => (!mine || row.permitted > 0) && `${row.id} ${row.name}`.toLowerCase().includes(wanted)), PROVIDER_ORDER, order);
  return (
    <Panel>
      <div style={{ display: "flex", gap: "12px 20px", flexWrap: "wrap", alignItems: "center", marginBottom: 12 }}>
        <TextInput aria-label="Search providers" type="search" placeholder="Search providers" value={text} onChange={(event) => setText(event.currentTarget.value)} style={{ flex: "1 1 220px" }} />
        <Switch label="Eligible for me" checked={mine} onChange={(event) => setMine(event.currentTarget.checked)} />
      </div>
      <Loaded read={providers} lines={12}>
        {() =>
          shown.length === 0 ? (
            <Empty icon="models" title="No provider fits">Search for less, or switch off “Eligible for me”.</Empty>
          ) : (
            <Table
              label="Providers"
              head={
                <>
                  <SortHead by="name" order={order} set={setOrder}>Provider</SortHead>
                  <th scope="col">Credential</th>
                  <SortHead by="permitted" order={order} set={setOrder}>Allowed</SortHead>
                  <SortHead by="policy" order={order} set={setOrder}>What happens to your data</SortHead>
                  <SortHead by="checked" order={order} set={setOrder}>Checked</SortHead>
                  <th scope="col">Certifications and regions</th>
                </>
              }
            >
              {shown.map((row) => (
                <tr key={row.id}>
                  <td><Link href={`/a/${encodeURIComponent(account)}/providers/${encodeURIComponent(row.id)}`}>{row.name}</Link>{row.headquarters && <span className="small dim"> {row.headquarters}</span>}</td>
                  <td>{row.has_credential ? <Chip tone="good">here</Chip> : <span className="dim">none</span>}</td>
                  <td>{row.endpoints === 0 ? <span className="dim">none listed</span> : <Chip tone={row.permitted === 0 ? "warn" : row.usable ? "good" : "plain"}>{row.permitted} of {row.endpoints}</Chip>}</td>
                  <td className="wide" style={{ minWidth: 260 }}>
                    <span className="chips"><Chip said={training(row.policy.training)} /><Chip said={keeps({ retention: row.policy.retention, flagged: row.flagged })} /></span>
                    <span style={{ display: "block", marginTop: 4 }}>
                      <Chip said={confidence(row.provenance.confidence)} />{" "}
                      <span className="small dim">{row.provenance.source_url ? <Outside href={row.provenance.source_url}>source</Outside> : "no source page"}</span>
                    </span>
                  </td>
                  <td className="nowrap small">{row.provenance.verified_at ?? "–"}</td>
                  <td className="small">{row.certifications.join(", ") || "no certification"}<span className="dim" style={{ display: "block" }}>{row.regions.join(", ") || "region not stated"}</span></td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
    </Panel>
  );
}
