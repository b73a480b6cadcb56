// What would happen to a request for a model, endpoint by endpoint: permitted in order, left out with every reason, and what would change that.

import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import type { DeniedRow, Explanation, ModelExplanation, PermittedRow, PolicyView, Skipped } from "../api/schema";
import { useHere } from "../api/session";
import { list, money, ordinal, plural, seconds } from "../words/format";
import { keeps, layers, setting, training } from "../words/policy";
import { Chip, Note } from "./parts";

/** The model whose choice is the gateway's. */
export const AUTO = "anyapi/auto";
const SOME = 8;

/** Of `models[1]`: 2nd. */
const placeOf = ({ field }: Skipped) => ordinal(1 + Number(field.replace(/\D/g, "")));

export function Verdicts({ found }: { found: Explanation }) {
  return (
    <div style={{ display: "grid", gap: 16 }}>
      {found.unknown_models > 0 && <Note tone="warn">{plural(found.unknown_models, "model")} of those asked about {found.unknown_models === 1 ? "is" : "are"} in no catalogue, and passed over: the {list(found.skipped.map(placeOf))} of the list.</Note>}
      {found.models.map((model) => (
        <Verdict key={model.model} model={model} />
      ))}
      {found.relaxation && (
        <Note>
          <strong>The smallest change that would allow one more</strong> ({found.relaxation.endpoint}):
          <ul style={{ margin: "4px 0 0", paddingLeft: 18 }}>
            {found.relaxation.changes.map((change) => (
              <li key={change.setting}>
                {setting(change.setting, change.needed)} <span className="dim">instead of: {setting(change.setting, change.now).toLowerCase()} (set by {layers(change.layers)})</span>
              </li>
            ))}
          </ul>
          <span className="small dim">It is shown, and never applied by itself.</span>
        </Note>
      )}
      <Costs found={found} />
    </div>
  );
}

function Costs({ found }: { found: Explanation }) {
  const telling = found.costs.filter((cost) => cost.more_endpoints > 0);
  if (telling.length === 0) return null;
  return (
    <div>
      <h3 style={{ margin: "0 0 6px", fontSize: "0.95rem" }}>What each rule costs</h3>
      <ul className="small" style={{ margin: 0, paddingLeft: 18 }}>
        {telling.map((cost) => {
          const held = found.requirement.settings.find((one) => one.setting === cost.setting);
          return (
            <li key={cost.setting}>
              {held ? setting(held.setting, held.value) : setting(cost.setting, "")}: without it {plural(cost.more_endpoints, "more endpoint")}, the cheapest at {money(cost.cheapest_without)}
              {cost.cheapest !== null && <> instead of {money(cost.cheapest)}</>} for a million tokens in and a million out.
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Verdict({ model }: { model: ModelExplanation }) {
  const { account } = useHere();
  const [all, setAll] = useState(false);
  const first = model.permitted[0];
  // A choice of the gateway's is among the endpoints of many models: the provider's name alone would say too little.
  const ours = model.model === AUTO;
  const rows = [...model.permitted, ...model.unavailable, ...model.denied];
  // So it is with a provider that serves the model in several regions.
  const name = (row: PermittedRow | DeniedRow) => (ours || rows.filter((one) => one.provider === row.provider).length > 1 ? row.endpoint : row.provider);
  const others = [...new Set(model.permitted.slice(1).map(name))];
  return (
    <section aria-label={model.model}>
      <h3 style={{ margin: "0 0 8px" }}>
        {ours ? model.model : <Link href={`/a/${encodeURIComponent(account)}/models/${model.model}`} style={{ color: "inherit" }}>{model.model}</Link>}
      </h3>
      <div style={{ marginBottom: 12 }}>
        {first ? (
          <Note tone="good">
            It would go to <strong>{name(first)}</strong>
            {others.length > 0 ? `, then to ${others.slice(0, 3).join(", ")}${others.length > 3 ? " and others" : ""} if that fails.` : " and nowhere else."}
          </Note>
        ) : (
          <Note tone="warn">
            It would be <strong>refused</strong>: {model.unavailable.length > 0 ? `policy allows ${plural(model.unavailable.length, "endpoint")}, but none can be used right now.` : "no endpoint satisfies what is asked."}
          </Note>
        )}
      </div>
      <ol style={{ margin: 0, padding: 0, listStyle: "none", display: "grid", gap: 0 }}>
        {model.permitted.slice(0, all ? model.permitted.length : SOME).map((row, place) => (
          <Permitted key={row.endpoint} row={row} name={name(row)} place={place + 1} />
        ))}
      </ol>
      {!all && model.permitted.length > SOME && <Button size="xs" variant="default" onClick={() => setAll(true)}>Show all {model.permitted.length} in order</Button>}
      <Left title="Allowed by policy, but not usable now" rows={model.unavailable} name={name} />
      <Left title="Left out by policy" rows={model.denied} name={name} />
    </section>
  );
}

function Facts({ policy }: { policy: PolicyView | null }) {
  if (policy === null) return <Chip tone="bad">could not be judged</Chip>;
  return (
    <span className="chips">
      <Chip said={training(policy.training)} />
      <Chip said={keeps(policy)} />
      {policy.grade !== "declared" && <Chip tone={policy.grade === "contradicted" ? "bad" : "good"}>{policy.grade}</Chip>}
    </span>
  );
}

const line = { display: "flex", gap: "6px 12px", flexWrap: "wrap", alignItems: "center", padding: "8px 0", borderTop: "1px solid var(--line)" } as const;

function Permitted({ row, name, place }: { row: PermittedRow; name: string; place: number }) {
  return (
    <li style={line}>
      <Chip tone="good">{place === 1 ? "1st choice" : ordinal(place)}</Chip>
      <strong>{name}</strong>
      <Facts policy={row.policy} />
      {row.flags.map((flag) => <Chip key={flag} tone="warn">{flag.replaceAll("_", " ")}</Chip>)}
      <span className="small dim num" style={{ marginLeft: "auto" }}>
        {row.latency !== null && <>first token in {seconds(row.latency)}, </>}
        {money(row.price.input)} in, {money(row.price.output)} out
      </span>
    </li>
  );
}

function Left({ title, rows, name }: { title: string; rows: readonly DeniedRow[]; name: (row: DeniedRow) => string }) {
  if (rows.length === 0) return null;
  return (
    <details style={{ marginTop: 10 }} open={rows.length <= 6}>
      <summary>
        {title} ({rows.length})
      </summary>
      <ul style={{ margin: "6px 0 0", padding: 0, listStyle: "none" }}>
        {rows.map((row) => (
          <li key={row.endpoint} style={{ ...line, alignItems: "flex-start" }}>
            <div style={{ flex: "1 1 260px", minWidth: 0 }}>
              <strong>{name(row)}</strong>
              <ul className="small dim" style={{ margin: "2px 0 0", paddingLeft: 16 }}>
                {row.reasons.map((reason) => (
                  <li key={reason.code + reason.text}>
                    {reason.text}
                    {reason.layers.length > 0 && <> Asked by {layers(reason.layers)}.</>}
                  </li>
                ))}
              </ul>
            </div>
            <Facts policy={row.policy} />
          </li>
        ))}
      </ul>
    </details>
  );
}
