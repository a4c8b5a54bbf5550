// The screen on which one logs in; where one was stays in the address.

import { type SyntheticEvent, useState } from "react";

import type { Api } from "../api/client";
import { asFailure, type Failure } from "../api/problem";
import type { Preferences } from "../layout/preferences";
import { FailureNote } from "../layout/screens";
import { Switches } from "../layout/shell";
import { useWords } from "../words/words";
import type { Session } from "./session";

interface LoginProps {
  readonly api: Api;
  readonly hasEnded: boolean;
  readonly preferences: Preferences;
  readonly choose: (change: Partial<Preferences>) => void;
  readonly begin: (session: Session) => void;
}

export function Login({ api, hasEnded, preferences, choose, begin }: LoginProps) {
  const words = useWords();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const name = given.get("name") as string;
    setBusy(true);
    api
      .send<{ token: string; expires: string }>("POST", "/api/login", { user_name: name, password: given.get("password") })
      .then(({ token, expires }) => begin({ token, expires, userName: name }))
      .catch((error: unknown) => {
        setFailure(asFailure(error));
        setBusy(false);
      });
  }

  return (
    <main className="login">
      <form onSubmit={submit}>
        <p className="brand">
          <img src="./icon.svg" alt="" width="36" height="36" />
          {words("app.name")} <span className="faint">{words("app.tagline")}</span>
        </p>
        <h1>{words("login.title")}</h1>
        {hasEnded && !failure && <p className="note">{words("login.ended")}</p>}
        {failure && <FailureNote failure={failure} />}
        <label>
          {words("login.name")}
          <input name="name" autoComplete="username" autoCapitalize="none" required autoFocus />
        </label>
        <label>
          {words("login.password")}
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit" className="main" disabled={isBusy}>
          {words(isBusy ? "login.busy" : "login.submit")}
        </button>
        <p className="faint small">{words("login.help")}</p>
        <div className="tools">
          <Switches preferences={preferences} choose={choose} />
        </div>
      </form>
    </main>
  );
}
