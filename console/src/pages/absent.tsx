// What a section says whose part does not exist yet: what it will be, and which command does it until then.

import { Screen } from "../layout/screens";
import { type Key, useWords } from "../words/words";

export function Absent({ title, what, commands }: { title: Key; what: Key; commands: readonly string[] }) {
  const words = useWords();
  return (
    <Screen title={words("screen.absent")} kicker={words(title)}>
      <p>{words(what)}</p>
      <p>{words("screen.absent.command")}</p>
      <ul>
        {commands.map((command) => (
          <li key={command}>
            <code>{command}</code>
          </li>
        ))}
      </ul>
    </Screen>
  );
}
