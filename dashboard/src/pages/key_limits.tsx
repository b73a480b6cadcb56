// What a key may use and has used: shown in the list, asked for in a form.

import { NumberInput, Select, SimpleGrid } from "@mantine/core";
import type { CapPeriod, Limits, ShownKey } from "../api/schema";
import { money, percent, plural, utcDate } from "../words/format";

export type Bounds = Required<Limits>;
/** Limits with each of them said. */
export const bounds = ({ spend_cap = null, period = "total", requests_per_minute = null }: Limits = {}): Bounds => ({ spend_cap, period, requests_per_minute });

const PERIODS: { value: CapPeriod; label: string }[] = [
  { value: "day", label: "a day" },
  { value: "week", label: "a week" },
  { value: "month", label: "a month" },
  { value: "total", label: "in all" },
];
const every = (period: CapPeriod) => PERIODS.find((each) => each.value === period)?.label ?? period;

/** What the key spent in the period of its cap, or ever where it has none; and how many requests it may make. */
export function Used({ row }: { row: ShownKey }) {
  const { spend_cap: cap, period, requests_per_minute: most } = bounds(row.limits);
  const rate = most !== null && <div className="small dim nowrap">{plural(most, "request")} a minute</div>;
  if (cap === null)
    return (
      <>
        {money(row.spent.total)}
        {rate}
      </>
    );
  const spent = row.spent[period] ?? 0;
  const share = cap > 0 ? Math.min(1, spent / cap) : 1;
  const text = `${money(spent)} of ${money(cap)} ${every(period)}`;
  return (
    <div style={{ minWidth: 130 }}>
      <span className="nowrap">{text}</span>
      <div className="track" role="meter" aria-label={`Spent of the cap: ${text}`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)} aria-valuetext={percent(share, 1)}>
        <i className={share >= 1 ? "fail" : undefined} style={{ width: `${share * 100}%` }} />
      </div>
      {row.begins_anew_at !== null && <div className="small dim nowrap">anew on {utcDate(row.begins_anew_at)} (UTC)</div>}
      {rate}
    </div>
  );
}

const number = (value: string | number): number | null => (value === "" || Number.isNaN(Number(value)) ? null : Number(value));

export function LimitsForm({ limits, set }: { limits: Bounds; set: (limits: Bounds) => void }) {
  return (
    <>
      <SimpleGrid cols={2} style={{ alignItems: "end" }}>
        <NumberInput
          label="Spend cap" description="US dollars. Empty: no cap." prefix="$" min={0} max={1e9} decimalScale={4} thousandSeparator=","
          value={limits.spend_cap ?? ""} onChange={(value) => set({ ...limits, spend_cap: number(value) })}
        />
        <Select
          label="Each" description="Anew at midnight UTC." data={PERIODS} value={limits.period} allowDeselect={false} disabled={limits.spend_cap === null}
          onChange={(period) => period && set({ ...limits, period: period as CapPeriod })}
        />
      </SimpleGrid>
      <NumberInput
        label="Requests a minute" description="Empty: any number." min={1} max={100_000} allowDecimal={false} thousandSeparator=","
        value={limits.requests_per_minute ?? ""} onChange={(value) => set({ ...limits, requests_per_minute: number(value) })}
      />
    </>
  );
}
