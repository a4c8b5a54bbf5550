-- The event board: cases, the signs that they are made of, rules, and what rules proposed.
CREATE TABLE register.city_case (
    case_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id       text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    kind          text NOT NULL,                         -- services.registry.cases.kinds
    title         text NOT NULL,
    latitude_deg  double precision,                      -- of its first sign that had a place; null: nobody knows
    longitude_deg double precision,
    elevation_m   double precision,
    spot          text NOT NULL DEFAULT '',              -- the road, lane, device, area … that it is at
    severity      text NOT NULL,
    state         text NOT NULL DEFAULT 'open',          -- open, acting, resolved, closed, dismissed: cases/machine.py
    duty          text,                                  -- who acts: a person, a crew, an office; null: nobody yet
    opened        timestamptz NOT NULL,
    changed       timestamptz NOT NULL,
    last_sign     timestamptz NOT NULL,
    over          timestamptz                            -- since when nothing is to be done about it
);
CREATE INDEX case_site ON register.city_case (site_id, case_id);
CREATE INDEX case_open ON register.city_case (site_id, kind) WHERE state IN ('open', 'acting', 'resolved');

CREATE TABLE register.case_sign (
    sign_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id       bigint NOT NULL REFERENCES register.city_case ON DELETE CASCADE,
    source        text NOT NULL,                         -- alarm, finding (of inference), citizen, operator
    source_id     text NOT NULL,                         -- what the source calls it
    kind          text NOT NULL,                         -- of the sign: several make up a kind of case
    severity      text NOT NULL,
    at            timestamptz NOT NULL,
    ended         timestamptz,                           -- null: it is still so
    latitude_deg  double precision,
    longitude_deg double precision,
    elevation_m   double precision,
    spot          text NOT NULL DEFAULT '',
    text          text NOT NULL DEFAULT '',
    detail        jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX case_sign_source ON register.case_sign (source, source_id);
CREATE INDEX case_sign_case ON register.case_sign (case_id, sign_id);

-- What became of each case, by whom: only ever added to.
CREATE TABLE register.case_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id  bigint NOT NULL REFERENCES register.city_case ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    event    text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}',
    comment  text NOT NULL DEFAULT ''
);
CREATE INDEX case_event_case ON register.case_event (case_id, event_id);

CREATE TABLE register.case_rule (
    site_id    text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    rule_id    text NOT NULL,
    rule       jsonb NOT NULL,                           -- services.registry.cases.rules.Rule
    is_enabled boolean NOT NULL DEFAULT true,
    version    integer NOT NULL DEFAULT 1,
    since      timestamptz NOT NULL,                     -- of what it says now: older cases are none of its business
    PRIMARY KEY (site_id, rule_id)
);

CREATE TABLE register.case_proposal (
    proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id     bigint NOT NULL REFERENCES register.city_case ON DELETE CASCADE,
    site_id     text NOT NULL,
    rule_id     text NOT NULL,
    version     integer NOT NULL,                        -- of the rule
    step        integer NOT NULL,                        -- which of the rule's actions
    action      jsonb NOT NULL,
    state       text NOT NULL DEFAULT 'proposed',        -- proposed, done, failed, rejected, expired, withdrawn
    made        timestamptz NOT NULL,
    expires     timestamptz NOT NULL,
    held        text NOT NULL DEFAULT '',                -- which limit keeps it from running by itself
    settled     timestamptz,
    settled_by  text,                                    -- who approved, rejected …; the rule that ran by itself
    is_by_rule  boolean NOT NULL DEFAULT false,          -- nobody was asked
    comment     text NOT NULL DEFAULT '',
    answer      text NOT NULL DEFAULT '',                -- why it failed
    outcome     jsonb NOT NULL DEFAULT '{}',             -- what was made by it: an event, a dispatch, a delivery, labels before
    undone      timestamptz,                             -- when what it set in force was taken back
    judge_at    timestamptz,                             -- by then the case should be over
    has_helped  boolean,                                 -- null: not judged
    FOREIGN KEY (site_id, rule_id) REFERENCES register.case_rule ON DELETE CASCADE
);
CREATE UNIQUE INDEX case_proposal_once ON register.case_proposal (case_id, rule_id, version, step);
CREATE INDEX case_proposal_rule ON register.case_proposal (site_id, rule_id, made);
CREATE INDEX case_proposal_waiting ON register.case_proposal (expires) WHERE state = 'proposed';
CREATE INDEX case_proposal_judged ON register.case_proposal (judge_at) WHERE judge_at IS NOT NULL;

-- How far each source has been read.
CREATE TABLE register.case_source (
    source text PRIMARY KEY,
    after  bigint NOT NULL
);

-- Everything that people, and rules in their stead, decide; what joins a case by itself is in case_event.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OF state, duty, severity ON register.city_case
    FOR EACH ROW WHEN (coalesce(current_setting('chelu.actor', true), '') <> 'registry')
    EXECUTE FUNCTION register.record_change('case_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.case_rule
    FOR EACH ROW EXECUTE FUNCTION register.record_change('rule_id');
CREATE TRIGGER audit AFTER UPDATE OF state ON register.case_proposal
    FOR EACH ROW WHEN (coalesce(current_setting('chelu.actor', true), '') <> 'registry')
    EXECUTE FUNCTION register.record_change('proposal_id');
