// An agreement to be: what was signed with a provider, field by field.

import { Checkbox, Group, MultiSelect, NumberInput, Select, TextInput } from "@mantine/core";
import { useHere } from "../api/session";
import type { Draft } from "../words/agreement";

const RETENTIONS = [
  { value: "", label: "nothing is agreed about it" },
  { value: "zero", label: "they keep nothing (zero retention)" },
  { value: "limited", label: "they keep it for some days" },
];
const CONTRACTS = [
  { value: "hipaa-baa", label: "HIPAA business associate agreement" },
  { value: "gdpr-dpa", label: "GDPR data processing agreement" },
];

export function DraftAgreement({ value, set }: { value: Draft; set: (value: Draft) => void }) {
  const { me } = useHere();
  const change = (part: Partial<Draft>) => set({ ...value, ...part });
  return (
    <fieldset className="stack" style={{ border: "1px solid var(--line)", borderRadius: 10, padding: 16, margin: 0, minWidth: 0 }}>
      <legend className="small" style={{ padding: "0 6px" }}>The agreement</legend>
      <TextInput label="Document" description="Where it is written: a contract's number, an order form, an e-mail's date." required withAsterisk={false} maxLength={200} value={value.document} onChange={(event) => change({ document: event.currentTarget.value })} />
      <Group grow align="flex-start">
        <TextInput type="date" label="In force from" required withAsterisk={false} value={value.from} onChange={(event) => change({ from: event.currentTarget.value })} />
        <TextInput type="date" label="Until" description="The first day on which it is not." inputWrapperOrder={["label", "input", "description", "error"]} required withAsterisk={false} value={value.until} onChange={(event) => change({ until: event.currentTarget.value })} />
      </Group>
      <TextInput label="Who attests it" placeholder={me.name} description="Who answers for this being true. You, unless you name somebody." maxLength={100} value={value.attestedBy} onChange={(event) => change({ attestedBy: event.currentTarget.value })} />
      <Select label="Retention" data={RETENTIONS} value={value.retention} allowDeselect={false} onChange={(next) => change({ retention: next ?? "" })} />
      {value.retention === "limited" && <NumberInput label="Days" min={0} max={3650} value={value.days} onChange={(next) => typeof next === "number" && change({ days: next })} />}
      <Checkbox label="They do not train on what we send" checked={value.training} onChange={(event) => change({ training: event.currentTarget.checked })} />
      <Checkbox label="No human at the provider reads it" checked={value.review} onChange={(event) => change({ review: event.currentTarget.checked })} />
      <MultiSelect label="Contracts that it includes" placeholder={value.certifications.length ? undefined : "none"} data={CONTRACTS} value={value.certifications} onChange={(next) => change({ certifications: next })} />
    </fieldset>
  );
}
