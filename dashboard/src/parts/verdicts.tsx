// What would happen to a request for a model, endpoint by endpoint: permitted in order, left out with every reason, and what would change that.

import { Link } from "wouter";
import type { DeniedRow, Explanation, ModelExplanation, PermittedRow, PolicyView } from "../api/schema";
import { useHere } from "../api/session";
import { money, plural } from "../words/format";
import { layers, retention, setting, training } from "../words/policy";
import { Chip, Note } from "./parts";

export function Verdicts({ found }: { found: Explanation }) {
  return (
    <div style={{ display: "grid", gap: 16 }}>
      {found.unknown_models > 0 && <Note tone="warn">{plural(found.unknown_models, "model")} of those asked about {found.unknown_models === 1 ? "is" : "are"} in no catalogue.</Note>}
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
  const first = model.permitted[0];
  return (
    <section aria-label={model.model}>
      <h3 style={{ margin: "0 0 8px" }}>
        <Link href={`/a/${encodeURIComponent(account)}/models/${model.model}`} style={{ color: "inherit" }}>
          {model.model}
        </Link>
      </h3>
      <div style={{ marginBottom: 12 }}>
        {first ? (
          <Note tone="good">
            It would go to <strong>{first.provider}</strong>
            {model.permitted.length > 1 ? `, then to ${model.permitted.slice(1, 4).map((row) => row.provider).join(", ")}${model.permitted.length > 4 ? " and others" : ""} if that fails.` : " and nowhere else."}
          </Note>
        ) : (
          <Note tone="warn">
            It would be <strong>refused</strong>: {model.unavailable.length > 0 ? `policy allows ${plural(model.unavailable.length, "endpoint")}, but none can be used right now.` : "no endpoint satisfies what is asked."}
          </Note>
        )}
      </div>
      <ol style={{ margin: 0, padding: 0, listStyle: "none", display: "grid", gap: 0 }}>
        {model.permitted.map((row, place) => (
          <Permitted key={row.endpoint} row={row} place={place + 1} />
        ))}
      </ol>
      <Left title="Allowed by policy, but not usable now" rows={model.unavailable} />
      <Left title="Left out by policy" rows={model.denied} />
    </section>
  );
}

function Facts({ policy }: { policy: PolicyView | null }) {
  if (policy === null) return <Chip tone="bad">could not be judged</Chip>;
  return (
    <span className="chips">
      <Chip said={training(policy.training)} />
      <Chip said={retention(policy.retention)} />
    </span>
  );
}

const line = { display: "flex", gap: "6px 12px", flexWrap: "wrap", alignItems: "center", padding: "8px 0", borderTop: "1px solid var(--line)" } as const;

function Permitted({ row, place }: { row: PermittedRow; place: number }) {
  return (
    <li style={line}>
      <Chip tone="good">{place === 1 ? "1st choice" : `${place}${place === 2 ? "nd" : place === 3 ? "rd" : "th"}`}</Chip>
      <strong>{row.provider}</strong>
      <Facts policy={row.policy} />
      <span className="small dim num" style={{ marginLeft: "auto" }}>
        {money(row.price.input)} in, {money(row.price.output)} out
      </span>
    </li>
  );
}

function Left({ title, rows }: { title: string; rows: readonly DeniedRow[] }) {
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
              <strong>{row.provider}</strong>
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
