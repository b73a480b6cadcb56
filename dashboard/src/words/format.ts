// Numbers, money and times as people read them.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (value: number): string => (Math.abs(value) < 10_000 ? whole.format(value) : short.format(value));

export const plural = (value: number, one: string, many = `${one}s`): string => `${whole.format(value)} ${value === 1 ? one : many}`;

/** US dollars; small sums keep two significant digits, so that a cent's fraction is not nothing. */
export function money(value: number | null | undefined): string {
  if (value === null || value === undefined) return "no price";
  if (value === 0) return "$0";
  if (value < 0.0001) return "<$0.0001";
  if (value < 0.1) return `$${Number(value.toPrecision(2)).toString()}`;
  return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export const percent = (part: number, all: number): string => {
  if (all === 0) return "–";
  const share = (100 * part) / all;
  return share > 99 && share < 100 ? `${(Math.floor(share * 10) / 10).toFixed(1)}%` : `${Math.round(share)}%`;
};

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value < 0.001) return "<1 ms";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

/** A time that half or 95 in 100 stay under. Times are counted in buckets: below the first bound, `finest`, nothing is told apart. */
export const under = (value: number | null | undefined, finest = 0): string => seconds(value == null ? value : Math.max(value, finest));
export const about = (value: number | null | undefined, finest = 0): string => (value != null && value <= finest ? `<${seconds(finest)}` : seconds(value));

/** How long answers took, for a tile. */
export function responseTime(found: { all: { p50: number | null; p95: number | null }; finest: number } | undefined): { value: string; below: string } {
  const { p50 = null, p95 = null } = found?.all ?? {};
  const finest = found?.finest ?? 0;
  if (p95 !== null && p95 <= finest) return { value: `<${seconds(finest)}`, below: "at least 95% of answers" };
  if (p50 !== null && p50 <= finest) return { value: `<${seconds(finest)}`, below: `half of answers; 95% under ${seconds(p95)}` };
  return { value: seconds(p50), below: `half are faster; 95% under ${seconds(p95)}` };
}

export function days(value: number): string {
  if (value === 0) return "not at all";
  if (value < 1) return plural(Math.round(value * 24), "hour");
  return plural(Number(value.toFixed(1)), "day");
}

const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const whenExact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "long" });
const onDay = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const onDayUtc = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });
export const utcDate = (unix: number): string => onDayUtc.format(new Date(unix * 1000));
export const time = (unix: number): string => when.format(new Date(unix * 1000));
export const exactTime = (unix: number): string => whenExact.format(new Date(unix * 1000));
export const date = (unix: number): string => onDay.format(new Date(unix * 1000));

export function ago(unix: number, now: number): string {
  const passed = now - unix;
  if (passed < 5) return "just now";
  if (passed < 60) return `${plural(Math.floor(passed), "second")} ago`;
  if (passed < 3600) return `${plural(Math.floor(passed / 60), "minute")} ago`;
  if (passed < 86400) return `${plural(Math.floor(passed / 3600), "hour")} ago`;
  if (passed < 30 * 86400) return `${plural(Math.floor(passed / 86400), "day")} ago`;
  return date(unix);
}

/** One word of a shell's command, whatever stands in it: what somebody copies must not do more than it shows. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function ordinal(place: number): string {
  const tens = place % 100;
  const end = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${end}`;
}

export function age(ageDays: number | null): string {
  if (ageDays === null) return "not dated";
  if (ageDays < 1) return "today";
  return `${plural(ageDays, "day")} ago`;
}

export const tokens = (value: number | null): string => (value === null ? "–" : short.format(value));

/** `a, b and c`, at most `most` of them. */
export function list(items: readonly string[], most = 6): string {
  const shown = items.slice(0, most);
  const more = items.length - shown.length;
  if (more > 0) return `${shown.join(", ")} and ${more} more`;
  return shown.length < 2 ? (shown[0] ?? "nothing") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

interface KeyNamed {
  id: string;
  name: string;
  prefix: string;
}

/** What people call a key: its name, else how its secret begins; both where another key has the name, as after a rotation. */
export function keyLabel(key: KeyNamed, all: readonly KeyNamed[]): string {
  if (!key.name) return `${key.prefix}…`;
  return all.some((other) => other.id !== key.id && other.name === key.name) ? `${key.name} (${key.prefix}…)` : key.name;
}
