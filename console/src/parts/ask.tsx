// A dialogue with a form: sent once, closed when the registry has taken it, open with the reason when it has not.

import { type ReactNode, type SyntheticEvent, useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import { FailureNote } from "../layout/screens";
import { useWords } from "../words/words";
import { instantIn } from "../words/zones";
import { Dialog } from "./dialog";

interface AskProps {
  readonly title: string;
  /** On the button that sends it. */
  readonly action: string;
  readonly isDanger?: boolean;
  readonly send: (form: Form) => Promise<unknown>;
  readonly close: () => void;
  readonly children?: ReactNode;
}

export function Ask({ title, action, isDanger = false, send, close, children }: AskProps) {
  const words = useWords();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    send(new Form(new FormData(event.currentTarget))).then(close, (error: unknown) => {
      setFailure(asFailure(error));
      setBusy(false);
    });
  }

  return (
    <Dialog title={title} close={close}>
      <form onSubmit={submit}>
        {failure && <FailureNote failure={failure} />}
        {children}
        <div className="row">
          <button type="submit" className={isDanger ? "danger" : "main"} disabled={isBusy}>
            {action}
          </button>
          <button type="button" onClick={close}>
            {words("register.add.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What was filled in. */
export class Form {
  constructor(readonly data: FormData) {}

  text(name: string): string {
    const found = this.data.get(name);
    return typeof found === "string" ? found.trim() : "";
  }

  /** Undefined where nothing was filled in, which a request leaves out. */
  some(name: string): string | undefined {
    return this.text(name) || undefined;
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text ? Number(text) : undefined;
  }

  /** An instant by the zone's clocks, as the API takes it. */
  instant(name: string, zone: string): string | undefined {
    return instantIn(zone, this.text(name));
  }

  file(name: string): File | undefined {
    const found = this.data.get(name);
    return found instanceof File && found.size ? found : undefined;
  }

  /** JSON where it is any, else the text itself: 5, true, "x", [1], or x. */
  value(name: string): unknown {
    const text = this.text(name);
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
}
