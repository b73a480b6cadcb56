// What a page shows when it could not be loaded or failed while it was drawn: words and a way on, not nothing.

import { Component, type ReactNode } from "react";
import { Problem } from "../api/client";
import { Failed } from "./parts";

export class Caught extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="page">
        <Failed error={new Problem(-1, "This page could not be shown. If the gateway runs, load it again; if that does not help, it is a fault of AnyAPI's.")} retry={() => window.location.reload()} />
      </div>
    );
  }
}
