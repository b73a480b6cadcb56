// Why a request went where it went: the ruling that its receipt proves, and the decision record where one was written.

import { Button } from "@mantine/core";
import { useState } from "react";
import type { DecisionRecord } from "../api/schema";
import { plural } from "../words/format";
import { AVAILABILITY, reason, retention, training } from "../words/policy";
import type { Permitted, Ruling } from "../words/receipt";
import { Chip, Outside, Panel } from "./parts";

/** The ruling as the log has it. With a decision record, in the order in which the endpoints would have been tried. */
const SOME = 12;

export function Ruled({ ruling, record }: { ruling: Ruling; record: DecisionRecord | null }) {
  const [all, setAll] = useState(false);
  const order = record?.permitted ?? [];
  const place = (each: Permitted) => (order.includes(each.endpoint) ? order.indexOf(each.endpoint) : order.length);
  const permitted = [...ruling.permitted].sort((one, other) => place(one) - place(other));
  return (
    <Panel title={ruling.permitted.length > 0 ? "Why this endpoint" : "Why no endpoint"}>
      <p style={{ marginTop: 0 }}>
        As it was ruled then, from what gateway, account, project, key and request asked together (policy <span className="mono">{ruling.requirement.slice(0, 12)}</span>) and the facts of catalogue <span className="mono">{ruling.catalogue.slice(0, 12)}</span>. The receipt below proves it.
        {record && <> The decision was on the disk before anything was sent, because the data class is {record.data_classes.join(", ")}.</>}
      </p>
      <ul className="bars" aria-label="Endpoints, as decided">
        {permitted.map((each, at) => (
          <li key={`${each.endpoint} ${at}`}>
            <span className="chips" style={{ alignItems: "center" }}>
              <Chip tone="good">{order.includes(each.endpoint) ? `${place(each) + 1}. permitted` : "permitted"}</Chip> {each.endpoint} {each.used && <Chip tone="good">used</Chip>}
              {each.facts && (
                <>
                  <Chip said={training(each.facts.training)} />
                  <Chip said={retention(each.facts.kept)} />
                  {each.facts.grade !== "declared" && <Chip tone={each.facts.grade === "contradicted" ? "bad" : "good"}>{each.facts.grade}</Chip>}
                </>
              )}
            </span>
            {each.facts?.source && <span className="small"><Outside href={each.facts.source}>Where the provider says so</Outside></span>}
          </li>
        ))}
        {ruling.denied.slice(0, all ? ruling.denied.length : SOME).map((denied) => (
          <li key={denied.endpoint}>
            <span className="chips" style={{ alignItems: "center" }}>
              {denied.codes.every((code) => AVAILABILITY.has(code)) ? <Chip>allowed, not usable</Chip> : <Chip tone="warn">left out</Chip>} {denied.endpoint}
            </span>
            <span className="small dim">{denied.codes.map(reason).join("; ")}</span>
          </li>
        ))}
      </ul>
      {!all && ruling.denied.length > SOME && <Button size="xs" variant="default" mt="sm" onClick={() => setAll(true)}>Show all {ruling.denied.length} that were left out</Button>}
      <p className="small dim" style={{ marginBottom: 0 }}>
        {plural(ruling.permitted.length, "endpoint")} permitted, {ruling.denied.length} left out.
      </p>
    </Panel>
  );
}
