import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The control plane's policy allows scripts from itself alone: no inline script, no eval, nothing from elsewhere.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/anyapi/dashboard",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    target: "es2022",
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": process.env.ANYAPI_CONTROL ?? "http://127.0.0.1:8081" } },
});
