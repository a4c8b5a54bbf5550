// A secret that is shown once.

import { useState } from "react";

import { Dialog } from "../parts/dialog";
import { useWords } from "../words/words";

export function Secret({ device, secret, close }: { device: string; secret: string; close: () => void }) {
  const words = useWords();
  const [isCopied, setCopied] = useState(false);
  return (
    <Dialog title={words("register.secret", { device })} close={close} isOnce>
      <div className="stack">
        <p>{words("register.secret.once")}</p>
        <code className="secret" data-testid="secret">
          {secret}
        </code>
        <div className="row">
          {/* The clipboard is there on https and on this machine alone; elsewhere the text can be marked by hand. */}
          {window.isSecureContext && (
            <button type="button" onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}>
              {words(isCopied ? "register.secret.copied" : "register.secret.copy")}
            </button>
          )}
          <button type="button" className="main" onClick={close} autoFocus>
            {words("register.secret.close")}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
