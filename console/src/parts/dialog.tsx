// A dialogue of the browser's own: it keeps the focus, and Escape closes it.

import { type ReactNode, useEffect, useId, useRef } from "react";

interface DialogProps {
  readonly title: string;
  readonly close: () => void;
  /** Whether Escape does not count: what is shown here is shown only once. */
  readonly isOnce?: boolean;
  readonly children: ReactNode;
}

export function Dialog({ title, close, isOnce = false, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        if (!isOnce) close();
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}
