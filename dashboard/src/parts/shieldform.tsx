// The privacy settings of one layer as plain sentences, each with its control. Holds no state of its own.

import { Checkbox, NumberInput, Select, Switch } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useClasses } from "../api/queries";
import type { ProviderRow, SettingView } from "../api/schema";
import { layers, setting } from "../words/policy";
import { asked, stands } from "../words/preview";
import type { Shields } from "../words/shields";
import { Names, type Unclear } from "./named";
import { Chip } from "./parts";

const CLASSES = ["public", "internal", "confidential", "regulated"];
const RETENTIONS = [
  { value: "any", label: "any time" },
  { value: "0", label: "no time at all" },
  { value: "1", label: "1 day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "other", label: "another time…" },
];
const CONFIDENCES = [
  { value: "none", label: "from anywhere" },
  { value: "secondary", label: "from a named source" },
  { value: "primary", label: "from the provider itself" },
];

interface Choices {
  certifications: string[];
  regions: string[];
  providers: { value: string; label: string }[];
}

export function choicesOf(providers: readonly ProviderRow[]): Choices {
  const all = (pick: (row: ProviderRow) => readonly string[]) => [...new Set(providers.flatMap(pick))].sort();
  return {
    certifications: all((row) => row.certifications),
    regions: all((row) => row.regions),
    providers: providers.map((row) => ({ value: row.id, label: row.name })).sort((one, other) => one.label.localeCompare(other.label)),
  };
}

interface Props {
  value: Shields;
  set: (value: Shields) => void;
  choices: Choices;
  /** What layers above hold already. */
  held?: readonly SettingView[];
  /** Told which field holds text that names nothing, and when it does no longer. */
  unclear?: Unclear;
  disabled?: boolean;
}

export function ShieldForm({ value, set, choices, held = [], unclear, disabled = false }: Props) {
  const change = (part: Partial<Shields>) => set({ ...value, ...part });
  const classes = useClasses().data ?? [];
  const named = classes.filter((one) => value.dataClasses.includes(one.data_class));
  const above = (...names: string[]) => [
    ...held.filter((one) => names.includes(one.setting)).map((one) => `${setting(one.setting, one.value)}, by ${layers(one.layers)}`),
    ...named.flatMap((one) => names.filter((name) => asked(one.data_policy, name) !== undefined).map((name) => `${setting(name, asked(one.data_policy, name))}, by data class ${one.data_class}`)),
  ];
  const flagged = value.countFlagged || [...held.map((one) => one.setting), ...named.flatMap((one) => Object.keys(one.data_policy))].includes("flagged_copies");
  const said = (name: string) => classes.filter((one) => one.data_class === name).map(stands).join();
  const [other, setOther] = useState(false);
  const known = RETENTIONS.some((one) => one.value === String(value.retention));
  const kept = value.retention === null ? (other ? "other" : "any") : known && !other ? String(value.retention) : "other";
  return (
    <ul className="shields">
      <Shield
        title="Nobody may train on what we send"
        words="Only providers that never train on it are left. Those that train unless one opts out are not."
        held={above("training_allowed")}
        control={<Toggle label="Nobody may train on what we send" on={value.noTraining} set={(on) => change({ noTraining: on })} disabled={disabled} />}
      />
      <Shield
        title="Providers may keep it for"
        wide
        words={`Providers that keep it longer, or do not say how long, are left out. ${flagged ? "So are those that keep longer what they flag as abuse." : "What they flag as abuse they may keep longer, unless those copies are counted too."}`}
        held={above("retention_days", "flagged_copies")}
        control={
          <Select
            aria-label="Providers may keep it for"
            w={{ base: "100%", xs: 200 }}
            data={RETENTIONS}
            value={kept}
            allowDeselect={false}
            disabled={disabled}
            onChange={(next) => {
              setOther(next === "other");
              change({ retention: next === "any" ? null : next === "other" ? (value.retention ?? 14) : Number(next) });
            }}
          />
        }
      >
        {(value.retention !== null || value.countFlagged) && (
          <div style={{ display: "flex", gap: 16, flexWrap: "wrap", alignItems: "center" }}>
            {kept === "other" && (
              <NumberInput
                aria-label="Days"
                suffix=" days"
                min={0}
                max={3650}
                w={130}
                value={value.retention ?? 14}
                disabled={disabled}
                onChange={(next) => typeof next === "number" && change({ retention: next })}
              />
            )}
            <Checkbox
              label="Count the copies that providers keep of content they flagged as abuse"
              checked={value.countFlagged}
              disabled={disabled}
              onChange={(event) => change({ countFlagged: event.currentTarget.checked })}
            />
          </div>
        )}
      </Shield>
      <Shield
        title="No human may read it"
        words="Providers whose staff may look at content, for example to check for abuse, are left out."
        held={above("human_review_allowed")}
        control={<Toggle label="No human may read it" on={value.noReview} set={(on) => change({ noReview: on })} disabled={disabled} />}
      />
      <Shield
        title="Paid tiers alone"
        words="Free tiers often come with other terms. A credential that nobody declared as paid counts as free."
        held={above("paid_only")}
        control={<Toggle label="Paid tiers alone" on={value.paidOnly} set={(on) => change({ paidOnly: on })} disabled={disabled} />}
      />
      <Shield
        title="Where the facts must come from"
        wide
        words="How well it must be known what a provider does: by its own statement, or by somebody else's."
        held={above("min_confidence")}
        control={
          <Select
            aria-label="Where the facts must come from"
            w={{ base: "100%", xs: 200 }}
            data={CONFIDENCES}
            value={value.confidence}
            allowDeselect={false}
            disabled={disabled}
            onChange={(next) => next && change({ confidence: next as Shields["confidence"] })}
          />
        }
      />
      <Shield title="Certified providers alone" words="Each provider left must have all of these. Contracts such as a HIPAA agreement count once you have declared them." held={above("certifications", "certifications_must_be_named")}>
        <Names unclear={unclear} label="Certifications" none="No certification asked" names={choices.certifications} value={value.certifications} set={(next) => change({ certifications: next })} disabled={disabled} />
      </Shield>
      <Shield
        title="Only in certain regions"
        words="Content is processed there and nowhere else. Providers that do not say where are left out."
        held={above("regions")}
        control={<Toggle label="Only in certain regions" on={value.regions !== null} set={(on) => change({ regions: on ? [] : null })} disabled={disabled} />}
      >
        {value.regions !== null && (
          <Names unclear={unclear} label="Regions" names={choices.regions} value={value.regions} set={(next) => change({ regions: next })} disabled={disabled} nothing="Choose at least one region: as it stands, nothing is allowed." />
        )}
      </Shield>
      <Shield
        title="Only certain providers"
        words="Everybody else is left out, whatever they promise."
        held={above("providers.only")}
        control={<Toggle label="Only certain providers" on={value.only !== null} set={(on) => change({ only: on ? [] : null })} disabled={disabled} />}
      >
        {value.only !== null && (
          <Names unclear={unclear} label="Allowed providers" names={choices.providers} value={value.only} set={(next) => change({ only: next })} disabled={disabled} nothing="Choose at least one provider: as it stands, nothing is allowed." />
        )}
      </Shield>
      <Shield title="Never these providers" words="They get nothing, whatever they promise." held={above("providers.ignore")}>
        <Names unclear={unclear} label="Excluded providers" none="Nobody is excluded" names={choices.providers} value={value.ignore} set={(next) => change({ ignore: next })} disabled={disabled} />
      </Shield>
      <Shield title="Treat everything as" words="A data class stands for several settings at once. For confidential and regulated data the decision is on disk before anything is sent.">
        <Select
          aria-label="Data class"
          placeholder="No data class"
          data={CLASSES}
          value={value.dataClasses[0] ?? null}
          renderOption={({ option }) => <div>{option.label}<div className="small dim">{said(option.value)}</div></div>}
          onChange={(next) => change({ dataClasses: next ? [next] : [] })}
          disabled={disabled}
          clearable
          clearButtonProps={{ "aria-label": "No data class" }}
        />
        {named.map((one) => <p key={one.data_class} style={{ marginTop: 6 }}>{value.dataClasses.length > 1 && `${one.data_class}: `}{stands(one)}.</p>)}
      </Shield>
    </ul>
  );
}

function Shield({ title, words, held, control, wide = false, children }: { title: string; words: string; held?: readonly string[]; control?: ReactNode; wide?: boolean; children?: ReactNode }) {
  return (
    <li className={wide ? "wide" : undefined}>
      <div>
        <h3>{title}</h3>
        <p>{words}</p>
        {held?.map((text) => (
          <span key={text} className="held">
            <Chip tone="good">{text}</Chip>
          </span>
        ))}
      </div>
      {control && <div>{control}</div>}
      {children && <div className="more">{children}</div>}
    </li>
  );
}

function Toggle({ label, on, set, disabled }: { label: string; on: boolean; set: (on: boolean) => void; disabled: boolean }) {
  return <Switch aria-label={label} size="md" checked={on} disabled={disabled} onChange={(event) => set(event.currentTarget.checked)} />;
}
