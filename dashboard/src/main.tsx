import "@mantine/core/styles.css";
import "./style.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { Problem } from "./api/client";
import { SESSION } from "./api/session";
import { App } from "./app";
import { leave } from "./parts/unsaved";
import { theme, variables } from "./theme";

const client = new QueryClient({
  defaultOptions: {
    // A gateway on this machine answers without any network: whether the browser has one says nothing.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      // What the server refuses it will refuse again; what it could not do may work in a moment.
      retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
      refetchOnWindowFocus: true,
      staleTime: 5_000,
    },
  },
});
client.getQueryCache().subscribe((event) => {
  // A session that ended elsewhere shows the entrance, whatever page is open.
  const error = event.type === "updated" && event.action.type === "error" ? event.action.error : null;
  if (error instanceof Problem && error.status === 401) void client.invalidateQueries({ queryKey: SESSION });
});

// A page of before an update asks for parts that are gone: the new page knows their names. If nothing answers, loading again would lose it.
window.addEventListener("vite:preloadError", () => {
  void fetch("/api/healthz").then(
    (answer) => answer.ok && window.location.reload(),
    () => undefined,
  );
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Router aroundNav={leave}>
          <App />
        </Router>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
