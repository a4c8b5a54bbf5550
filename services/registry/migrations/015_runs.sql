-- Scenario tests that were run. What is listed and audited is in one table, the whole verdict of each in another.
CREATE TABLE run.scenario_run (
    run_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id      text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    kept         timestamptz NOT NULL DEFAULT now(),
    kept_by      text NOT NULL,
    began        timestamptz NOT NULL,
    scenario     text NOT NULL,
    title        text NOT NULL,
    mode         text NOT NULL,                          -- memory, platform, loop, recording
    under_test   text NOT NULL,
    build        text NOT NULL,                          -- of what is tested, as its team calls it
    evidence     text NOT NULL,                          -- where the report and the recordings are
    verdict      text NOT NULL CHECK (verdict IN ('pass', 'skipped', 'fail', 'error')),
    cases        integer NOT NULL CHECK (cases > 0),
    outcomes     jsonb NOT NULL,                         -- cases by verdict
    requirements jsonb NOT NULL,                         -- of each: outcomes, and the case with the least margin
    hashes       jsonb NOT NULL,
    seeds        jsonb NOT NULL,
    versions     jsonb NOT NULL
);
CREATE INDEX scenario_run_site ON run.scenario_run (site_id, run_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON run.scenario_run
    FOR EACH ROW EXECUTE FUNCTION register.record_change('run_id');

CREATE TABLE run.verdict (
    run_id  bigint PRIMARY KEY REFERENCES run.scenario_run ON DELETE CASCADE,
    content bytea NOT NULL                               -- zlib; the document as docs/scenario.md has it
);
