// Why a request went where it went: the ruling that its receipt proves, and the decision record where one was written.

import { Button } from "@mantine/core";
import { useState } from "react";
import type { DecisionRecord, RequirementView } from "../api/schema";
import { list, plural } from "../words/format";
import { AVAILABILITY, layers, reason, retention, setting, training } from "../words/policy";
import type { Permitted, Ruling } from "../words/receipt";
import { Chip, Outside, Panel } from "./parts";

/** The ruling as the log has it. With a decision record, in the order in which the endpoints would have been tried. */
const SOME = 12;

export function Ruled({ ruling, record, today, named }: { ruling: Ruling; record: DecisionRecord | null; today: RequirementView | null; named: readonly string[] }) {
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
      {ruling.denied.length > 0 && today && <Asked today={today} named={named} same={today.hash === ruling.requirement} />}
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

/**
 * Which settings decided, and which layer asked for each. The log holds no more of that than a hash: where today's settings have the same one,
 * they are what was asked then.
 */
function Asked({ today, named, same }: { today: RequirementView; named: readonly string[]; same: boolean }) {
  const where = <a href="#today">What its settings leave today</a>;
  if (!same) return <p>Which setting and which layer asked for it is not kept, and what gateway, account, project and key ask today{named.length > 0 && `, with data class ${list(named)} of the request,`} is not what was asked then: the request itself asked for {named.length > 0 ? "more than that" : "more"}, or something has changed since. {where} says for each reason who asks it now.</p>;
  return (
    <div style={{ marginBottom: 16 }}>
      <p style={{ margin: 0 }}>What all layers together asked then is what gateway, account, project and key ask today{named.length > 0 && `, with data class ${list(named)} of the request`}:</p>
      <ul aria-label="What was asked" style={{ margin: "4px 0", paddingLeft: 18 }}>
        {today.settings.map((one) => <li key={one.setting}>{setting(one.setting, one.value)} <span className="dim">(set by {layers(one.layers)})</span></li>)}
        {today.settings.length === 0 && <li>Nothing: what is left out is so for other reasons than policy.</li>}
      </ul>
      <p className="small dim" style={{ margin: 0 }}>Reason by reason it stands under {where}.</p>
    </div>
  );
}
