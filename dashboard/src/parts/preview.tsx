// What settings would leave, before they are saved: the sentence, the numbers, who would be lost, which layer holds what.

import type { Preview, Side } from "../api/schema";
import { plural } from "../words/format";
import { AVAILABILITY, reason, setting } from "../words/policy";
import { askers, cheapest, type Own } from "../words/preview";
import { Note } from "./parts";

export function Left({ found, dirty, stale, own }: { found: Preview; dirty: boolean; stale: boolean; own: Own }) {
  const { now, then } = found;
  return (
    <div aria-live="polite" aria-busy={stale} style={{ display: "grid", gap: 16, opacity: stale ? 0.65 : 1, transition: "opacity .15s" }}>
      <p className="big" style={{ margin: 0 }} data-testid="sentence">
        {dirty ? "This would leave" : "This leaves"} {then.models} of {found.all_models} models and {then.endpoints} of {found.all_endpoints} endpoints.
      </p>
      <Meter name="Models" now={now.models} then={then.models} all={found.all_models} dirty={dirty} />
      <Meter name="Endpoints" now={now.endpoints} then={then.endpoints} all={found.all_endpoints} dirty={dirty} />
      <Usable then={then} now={now} dirty={dirty} />
      {dirty && found.lost_in_use.length > 0 && (
        <Note tone="bad">
          <strong>You would lose {found.lost_in_use.length === 1 ? "this model" : `these ${found.lost_in_use.length} models`} that you used last week:</strong> {found.lost_in_use.join(", ")}
        </Note>
      )}
      {then.models === 0 && <Note tone="bad">Nothing would be left: every request would be refused.</Note>}
      {dirty && (
        <p style={{ margin: 0 }} className="small">
          {cheapest(now, then)}
        </p>
      )}
      {dirty && <Names title={`${plural(found.lost.length, "model")} would go`} names={found.lost} />}
      {dirty && <Names title={`${plural(found.gained.length, "model")} would come`} names={found.gained} />}
      <Denied side={then} all={found.all_endpoints} />
      <div>
        <h3 style={{ margin: "0 0 8px", fontSize: "0.95rem" }}>{dirty ? "In force after saving" : "In force"}</h3>
        {found.in_force.settings.length === 0 && found.in_force.data_classes.length === 0 ? (
          <p className="small dim" style={{ margin: 0 }}>
            Nothing is asked on any layer: a request may go to any provider, unless it asks for more itself.
          </p>
        ) : (
          <ul style={{ margin: 0, paddingLeft: 18 }} className="small">
            {found.in_force.settings.map((one) => (
              <li key={one.setting}>
                {setting(one.setting, one.value)} <span className="dim">(set by {askers(one, own)})</span>
              </li>
            ))}
            {found.in_force.durable_record && <li>Each decision is on disk before anything is sent</li>}
          </ul>
        )}
      </div>
    </div>
  );
}

function Usable({ now, then, dirty }: { now: Side; then: Side; dirty: boolean }) {
  const changed = dirty && now.usable_endpoints !== then.usable_endpoints ? ` (before: ${now.usable_models} at ${now.usable_endpoints})` : "";
  return (
    <p style={{ margin: 0 }} className="small dim">
      With the credentials that are here, {plural(then.usable_models, "model")} at {plural(then.usable_endpoints, "endpoint")} can be used right now{changed}.
      The rest needs a credential of its provider.
    </p>
  );
}

function Meter({ name, now, then, all, dirty }: { name: string; now: number; then: number; all: number; dirty: boolean }) {
  const share = (part: number) => `${all ? (100 * part) / all : 0}%`;
  return (
    <div>
      <div style={{ display: "flex", justifyContent: "space-between" }} className="small num">
        <span>{name}</span>
        <span className="dim">{dirty && now !== then ? `${now} → ${then}` : then}</span>
      </div>
      <div className="meter" aria-hidden="true">
        {dirty && <i className="old" style={{ width: share(now) }} />}
        <i className="new" style={{ width: share(then) }} />
      </div>
    </div>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <details className="small">
      <summary>{title}</summary>
      <ul className="models">
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    </details>
  );
}

function Denied({ side, all }: { side: Side; all: number }) {
  const rows = Object.entries(side.denied_by)
    .filter(([code]) => !AVAILABILITY.has(code))
    .sort(([, one], [, other]) => other - one)
    .slice(0, 6);
  if (rows.length === 0) return null;
  return (
    <div>
      <h3 style={{ margin: "0 0 8px", fontSize: "0.95rem" }}>Why endpoints are left out</h3>
      <ul className="bars">
        {rows.map(([code, number]) => (
          <li key={code}>
            <div className="head small">
              <span>{reason(code)}</span>
              <span className="num dim">{number}</span>
            </div>
            <div className="track" aria-hidden="true">
              <i className="fail" style={{ width: `${(100 * number) / all}%` }} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
