// What forms ask for of most things that are new: an identifier, a kind of device, a name, a place.

import { DEVICE_KINDS } from "../api/types";
import { useTold } from "../words/told";
import { useWords } from "../words/words";

interface IdentifierProps {
  readonly name: string;
  readonly given?: string | undefined;
  /** What is allowed, where that is said beforehand. */
  readonly help?: string;
}

export function Identifier({ name, given, help }: IdentifierProps) {
  const words = useWords();
  return (
    <label>
      {words("register.add.id")}
      <input name={name} defaultValue={given} required autoFocus autoCapitalize="none" spellCheck={false} aria-describedby={help && `${name}-help`} />
      {help && (
        <span id={`${name}-help`} className="faint small">
          {help}
        </span>
      )}
    </label>
  );
}

export function DeviceKind({ given }: { given?: string | undefined }) {
  const words = useWords();
  const told = useTold();
  return (
    <label>
      {words("register.kind")}
      <select name="kind" defaultValue={given}>
        {DEVICE_KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {told(kind)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Name() {
  const words = useWords();
  return (
    <label>
      {words("register.add.name")}
      <input name="name" />
    </label>
  );
}

export function Position({ isRequired = false }: { isRequired?: boolean }) {
  const words = useWords();
  const fields = { latitude_deg: words("register.add.latitude"), longitude_deg: words("register.add.longitude") };
  return Object.entries(fields).map(([name, label]) => (
    <label key={name}>
      {label}
      <input name={name} type="number" step="any" required={isRequired} />
    </label>
  ));
}
