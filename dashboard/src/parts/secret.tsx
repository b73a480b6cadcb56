// A field for a secret that no browser offers to remember: text that is only painted as dots. Password fields end up in password stores.

import { ActionIcon, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Icon } from "./icon";

interface Props {
  label: string;
  description: ReactNode;
  placeholder?: string;
  value: string;
  set: (value: string) => void;
}

export function SecretField({ label, description, placeholder, value, set }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <TextInput
      label={label}
      description={description}
      placeholder={placeholder ?? ""}
      classNames={{ input: open ? "mono" : "dots" }}
      autoComplete="off"
      autoCapitalize="off"
      autoCorrect="off"
      spellCheck={false}
      data-1p-ignore
      data-lpignore="true"
      data-bwignore
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
      rightSection={
        <ActionIcon variant="subtle" color="gray" aria-label={open ? "Hide it" : "Show it"} onClick={() => setOpen(!open)}>
          <Icon name={open ? "hidden" : "eye"} size={17} />
        </ActionIcon>
      }
    />
  );
}
