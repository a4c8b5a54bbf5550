import "./styles/page.css";
import "./styles/parts.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app";

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <App storage={window.localStorage} />
    </StrictMode>,
  );
