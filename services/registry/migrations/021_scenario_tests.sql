-- Scenario tests that the registry is asked to run: what was wanted, what became of it, and which run it led to.
CREATE TABLE run.scenario_test (
    test_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id  text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    asked    timestamptz NOT NULL DEFAULT now(),
    asked_by text NOT NULL,
    wanted   jsonb NOT NULL,                             -- scenario, values, design …
    state    text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'refused', 'failed', 'stopped')),
    began    timestamptz,
    ended    timestamptz,
    detail   text NOT NULL DEFAULT '',                   -- why it was refused, failed or stopped
    run_id   bigint REFERENCES run.scenario_run ON DELETE SET NULL
);
CREATE INDEX scenario_test_site ON run.scenario_test (site_id, test_id);
CREATE INDEX scenario_test_open ON run.scenario_test (test_id) WHERE state IN ('waiting', 'running');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON run.scenario_test
    FOR EACH ROW EXECUTE FUNCTION register.record_change('test_id');

CREATE TABLE run.evidence (                              -- the report and the worst cases' recordings
    run_id  bigint NOT NULL REFERENCES run.scenario_run ON DELETE CASCADE,
    name    text NOT NULL,
    bytes   bigint NOT NULL,
    content bytea NOT NULL,                              -- zlib
    PRIMARY KEY (run_id, name)
);
