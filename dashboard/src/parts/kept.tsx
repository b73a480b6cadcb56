// What is kept of each request, by the gateway's own list.

import { Link } from "wouter";
import { useInventory } from "../api/inventory";
import { useHere } from "../api/session";
import { plural } from "../words/format";
import { RECORDS, rows } from "../words/kept";
import { Loaded, Panel, coded } from "./parts";

export function WhatIsKept() {
  const { account } = useHere();
  const read = useInventory();
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <Panel title="What is kept of your requests">
      <p style={{ marginTop: 0 }}>
        No prompt, no answer and no part of one, unless you opt into a log that is sealed to your own keys: <Link href={`${base}/logs`}>Sealed logs</Link>. AnyAPI has no log of prompts that it could read.
      </p>
      <Loaded read={read}>
        {(found) => (
          <dl className="facts small">
            {rows(found.stored).map((one) => (
              <div key={one.record} style={{ display: "contents" }}>
                <dt>{RECORDS[one.record]}</dt>
                <dd>
                  {one.fields}
                  <span className="dim">{one.days === null ? <> {coded(one.note)}</> : ` Kept for ${plural(one.days, "day")}, unless the account says otherwise.`}</span>
                </dd>
              </div>
            ))}
          </dl>
        )}
      </Loaded>
      <p className="small dim" style={{ marginBottom: 0 }}>
        <Link href={`${base}/stored`}>The whole list</Link>, field by field, with what each is for.
      </p>
    </Panel>
  );
}
