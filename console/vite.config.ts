import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Addresses are relative to the page, and every file but the page has its content's hash in its name: the registry lets it be kept.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: { outDir: "dist", target: "es2022", chunkSizeWarningLimit: 1200, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } } },
});
