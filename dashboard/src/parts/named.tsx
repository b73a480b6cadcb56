// Choosing by name where one may type: an exact name counts as soon as it stands there, and any other text stays, marked, so that nothing
// is sent or saved that somebody did not choose.

import { MultiSelect, Select } from "@mantine/core";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { Note } from "./parts";

interface Item {
  value: string;
  label: string;
}
type Items = readonly (string | Item | { group: string; items: readonly Item[] })[];

function flat(items: Items): Item[] {
  return items.flatMap((one) => (typeof one === "string" ? [{ value: one, label: one }] : "items" in one ? one.items : [one]));
}

function meant(text: string, items: Items): Item | undefined {
  const plain = text.trim().toLowerCase();
  const known = flat(items);
  return known.find((one) => one.value.toLowerCase() === plain) ?? known.find((one) => one.label.toLowerCase() === plain);
}

const UNKNOWN = (text: string) => `“${text.trim()}” is not on the list. Choose from it, or write a name out.`;

/** Says of a field, by its label, whether it holds text that names nothing. */
export type Unclear = (label: string, yes: boolean) => void;

/** Whether any field of a form holds text that names nothing, and where its fields say so. */
export function useUnclear(): [boolean, Unclear] {
  const [labels, setLabels] = useState<readonly string[]>([]);
  const tell = useCallback<Unclear>((label, yes) => setLabels((before) => (before.includes(label) === yes ? before : yes ? [...before, label] : before.filter((one) => one !== label))), []);
  return [labels.length > 0, tell];
}

interface OneProps {
  label: string;
  items: Items;
  value: string | null;
  /** Null while the field names nothing. */
  set: (value: string | null) => void;
  placeholder?: string;
  limit?: number;
  required?: boolean;
  focused?: boolean;
}

/** One of many, chosen or typed. Marked once it was left; a `value` that is not among the items is shown, and marked at once. */
export function Named({ label, items, value, set, placeholder, limit, required = false, focused = false }: OneProps) {
  const [text, setText] = useState(() => (value === null ? "" : (meant(value, items)?.label ?? value)));
  const [typing, setTyping] = useState(value === null);
  const chosen = meant(text, items) ?? null;
  const write = (next: string) => {
    setText(next);
    set(meant(next, items)?.value ?? null);
  };
  return (
    <Select
      label={label}
      placeholder={placeholder ?? "Choose…"}
      searchable
      allowDeselect={false}
      required={required}
      withAsterisk={false}
      data-autofocus={focused || undefined}
      limit={limit ?? Number.POSITIVE_INFINITY}
      data={items as never}
      value={chosen?.value ?? null}
      searchValue={text}
      error={typing || chosen ? null : text.trim() ? UNKNOWN(text) : required && "Choose one from the list."}
      onInput={(event) => write(event.currentTarget.value)}
      onOptionSubmit={write}
      onFocus={() => setTyping(true)}
      onBlur={() => {
        setTyping(false);
        if (chosen) setText(chosen.label);
      }}
    />
  );
}

interface SeveralProps {
  label: string;
  names: (string | Item)[];
  value: string[];
  set: (value: string[]) => void;
  disabled: boolean;
  /** Shown while nothing is chosen. */
  none?: string;
  /** Warns where an empty list allows nothing. */
  nothing?: string;
  unclear: Unclear | undefined;
}

/** Several of many. A name that was written out is taken when the field is left. */
export function Names({ label, names, value, set, disabled, none = "Choose…", nothing, unclear }: SeveralProps): ReactNode {
  const [text, setText] = useState("");
  const [typing, setTyping] = useState(false);
  const lost = !typing && text.trim() !== "";
  useEffect(() => {
    unclear?.(label, lost);
    return () => unclear?.(label, false);
  }, [unclear, label, lost]);
  return (
    <div style={{ display: "grid", gap: 8 }}>
      <MultiSelect
        aria-label={label}
        placeholder={value.length ? undefined : none}
        data={names}
        value={value}
        onChange={set}
        disabled={disabled}
        searchable
        searchValue={text}
        error={lost && UNKNOWN(text)}
        onInput={(event) => setText(event.currentTarget.value)}
        onOptionSubmit={() => setText("")}
        onFocus={() => setTyping(true)}
        onBlur={() => {
          setTyping(false);
          const found = meant(text, names);
          if (found === undefined) return;
          setText("");
          if (!value.includes(found.value)) set([...value, found.value]);
        }}
        clearable={nothing === undefined}
        clearButtonProps={{ "aria-label": `Choose none: ${label}` }}
      />
      {nothing && value.length === 0 && <Note tone="warn">{nothing}</Note>}
    </div>
  );
}
