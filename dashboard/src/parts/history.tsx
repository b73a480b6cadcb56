// Who changed what when.

import { useChanges } from "../api/queries";
import type { Changed } from "../api/schema";
import { cameTo } from "../words/history";
import { change, settingsOf } from "../words/policy";
import { Loaded, Moment, Panel } from "./parts";

export function History({ gateway, only }: { gateway: boolean; only?: readonly string[] }) {
  const changes = useChanges(gateway);
  return (
    <Panel title="Who changed what">
      <Loaded read={changes}>
        {(rows) => {
          const shown = only ? rows.filter((row) => only.includes(row.what)) : rows;
          if (shown.length === 0) return <p className="dim" style={{ margin: 0 }}>Nobody has changed anything yet. Each change will stand here, with who made it and what was there before.</p>;
          return (
            <ul style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 14 }}>
              {shown.map((row) => (
                <Row key={`${row.at} ${row.subject}`} row={row} />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Row({ row }: { row: Changed }) {
  const before = settingsOf(row.before);
  const after = settingsOf(row.after);
  return (
    <li>
      <strong>{row.by_name}</strong> {change(row.what)} <span className="dim">({row.subject || "gateway"})</span>{" "}
      <Moment at={row.at} />
      {row.what !== "settings" && cameTo(row.before, row.after).map((one) => (
        <div key={one} className="small" style={{ overflowWrap: "anywhere" }}>{one}</div>
      ))}
      {row.what === "settings" && (
        <div className="small">
          {after.filter((one) => !before.includes(one)).map((one) => (
            <div key={one} style={{ color: "var(--good)" }}>+ {one}</div>
          ))}
          {before.filter((one) => !after.includes(one)).map((one) => (
            <div key={one} style={{ color: "var(--bad)" }}>− {one}</div>
          ))}
        </div>
      )}
    </li>
  );
}
