// What somebody changed and has not saved: before it would be lost they are asked. The back button alone is not noticed.

import { useEffect } from "react";
import type { AroundNavHandler } from "wouter";

const forms = new Set<symbol>();

/** Say that leaving the page would lose something, as long as `dirty` holds. */
export function useUnsaved(dirty: boolean): void {
  useEffect(() => {
    if (!dirty) return undefined;
    const form = Symbol("form");
    const ask = (leaving: BeforeUnloadEvent) => leaving.preventDefault();
    forms.add(form);
    window.addEventListener("beforeunload", ask);
    return () => {
      forms.delete(form);
      window.removeEventListener("beforeunload", ask);
    };
  }, [dirty]);
}

/** Follows a link, or goes on to other settings, unless somebody wants to keep what is not saved. */
export const leave: AroundNavHandler = (navigate, to, options) => {
  if (forms.size === 0 || window.confirm("What you changed is not saved. Leave, and lose it?")) navigate(to, options);
};
