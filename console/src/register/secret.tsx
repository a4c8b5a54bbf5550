// A secret that is shown once.

import { useState } from "react";

import { Dialog } from "../parts/dialog";
import { useWords } from "../words/words";

interface SecretProps {
  /** Whose it is. */
  readonly device: string;
  readonly secret: string;
  /** What it is for, if it is not a device's. */
  readonly note?: string;
  readonly close: () => void;
}

export function Secret({ device, secret, note, close }: SecretProps) {
  const words = useWords();
  const [isCopied, setCopied] = useState(false);
  return (
    <Dialog title={words("register.secret", { device })} close={close} isOnce>
      <div className="stack">
        <p>{note ?? words("register.secret.once")}</p>
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
