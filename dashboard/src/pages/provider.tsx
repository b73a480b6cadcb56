// One provider: what it does with data, what else applies to part of its traffic, what it serves.

import { Link } from "wouter";
import { useProvider } from "../api/queries";
import type { PolicyException, ProviderPage } from "../api/schema";
import { useHere } from "../api/session";
import { Endpoints } from "../parts/endpoints";
import { Chip, Loaded, Note, Outside, Page, Panel } from "../parts/parts";
import { CompareButton, usePicked } from "../parts/picked";
import { plural } from "../words/format";
import { confidence, keeps, retention, review, sentence, training, zeroRetention } from "../words/policy";

export default function Provider({ id }: { id: string }) {
  const { account } = useHere();
  const provider = useProvider(id);
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <Page title={provider.data?.provider.name ?? id} lead={<Link href={`${base}/models?show=providers`}>All providers</Link>}>
      <Loaded read={provider} lines={12}>
        {(found) => <Whole found={found} />}
      </Loaded>
    </Page>
  );
}

function Whole({ found }: { found: ProviderPage }) {
  const { account } = useHere();
  const [picked, pick] = usePicked();
  const { provider, record, endpoints } = found;
  const base = `/a/${encodeURIComponent(account)}`;
  const kept = record.policy.retention;
  const contracted = endpoints.some((row) => row.data_policy?.grade === "contracted");
  return (
    <>
      {contracted && <Note tone="good">An agreement is in force for a key that serves you: below, where it says <strong>contracted</strong>, it counts instead of the published terms. <Link href={`${base}/credentials`}>What is signed</Link></Note>}
      <div className="grid two">
        <Panel title="What it does with your data">
          <p className="chips" style={{ marginTop: 0 }}>
            <Chip said={training(record.policy.training)} />
            <Chip said={keeps({ retention: kept, flagged: provider.flagged })} />
            <Chip said={review(record.policy.human_review)} />
          </p>
          <dl className="facts small">
            {kept.purpose && <><dt>Why it is kept</dt><dd>{kept.purpose}</dd></>}
            <dt>Zero retention</dt><dd>{zeroRetention(record.policy.zero_retention)}</dd>
            {record.free_tier && <><dt>On its free tier</dt><dd>{training(record.free_tier.training).text}; {retention(record.free_tier.retention).text.toLowerCase()}</dd></>}
            <dt>How that is known</dt>
            <dd>
              {confidence(record.provenance.confidence).text}
              {record.provenance.source_url && <>: <Outside href={record.provenance.source_url}>source</Outside></>}
              {record.provenance.verified_at && <>, checked {record.provenance.verified_at}</>}
            </dd>
            <dt>Terms</dt>
            <dd>
              {provider.terms_url ? <Outside href={provider.terms_url}>terms</Outside> : "no page known"}
              {provider.privacy_url && <>, <Outside href={provider.privacy_url}>privacy policy</Outside></>}
            </dd>
          </dl>
        </Panel>
        <Panel title="Who it is">
          <dl className="facts small">
            <dt>Kind</dt><dd>{sentence(provider.kind)}</dd>
            <dt>Seat</dt><dd>{provider.headquarters ?? "not recorded"}</dd>
            <dt>Regions</dt><dd>{provider.regions.join(", ") || "not stated"}</dd>
            <dt>Certifications</dt><dd>{provider.certifications.join(", ") || "none known"}</dd>
            <dt>Credential</dt><dd>{provider.has_credential ? <Chip tone="good">here</Chip> : "none: its endpoints cannot be used yet"}</dd>
            <dt>For you</dt><dd>{provider.permitted} of {plural(provider.endpoints, "endpoint")} allowed, {provider.usable} usable now</dd>
          </dl>
          {provider.notes && <p className="small dim" style={{ marginBottom: 0 }}>{provider.notes}</p>}
        </Panel>
      </div>
      <Panel title="Exceptions">
        {(record.exceptions ?? []).length === 0 ? (
          <p className="dim" style={{ margin: 0 }}>None known: the same holds for all that it serves.</p>
        ) : (
          <div style={{ display: "grid", gap: 10 }}>
            <p className="small dim" style={{ margin: 0 }}>Part of its traffic follows other facts. Those are counted wherever they apply.</p>
            {(record.exceptions ?? []).map((one) => <Exception key={JSON.stringify(one)} one={one} />)}
          </div>
        )}
      </Panel>
      <Panel title="What it serves" tools={<CompareButton picked={picked} />}>
        <Endpoints
          head="Model"
          chosen={picked}
          choose={pick}
          rows={endpoints.map((row) => ({ name: row.model, href: `${base}/models/${row.model}`, row }))}
        />
      </Panel>
    </>
  );
}

function Exception({ one }: { one: PolicyException }) {
  const where = Object.entries(one.applies_to)
    .filter(([, values]) => Array.isArray(values) && values.length > 0)
    .map(([name, values]) => `${sentence(name).toLowerCase()}: ${(values as string[]).join(", ")}`);
  const { training: trains, retention: keeps, human_review: read } = one.override;
  return (
    <Note>
      <span className="chips" style={{ marginBottom: 4 }}>
        {trains && <Chip said={training(trains)} />}
        {keeps && <Chip said={retention(keeps)} />}
        {read && <Chip said={review(read)} />}
        {one.override.confidential_compute && <Chip tone="good">Confidential computing</Chip>}
        {one.override.same_as_provider && <Chip>As at {one.override.same_as_provider}</Chip>}
      </span>
      <div>{one.note}</div>
      {where.length > 0 && <div className="small dim">For {where.join("; ")}</div>}
      {one.override.allowed_data && <div className="small">Data allowed: {one.override.allowed_data}</div>}
      {one.source_url && <div className="small"><Outside href={one.source_url}>source</Outside></div>}
    </Note>
  );
}
