-- Data for teams: what was exported for whom, where it was cut, and in which places nothing of others is shown.
CREATE TABLE register.export (
    export_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor     text NOT NULL,
    recipient text NOT NULL,                             -- an organisation; not a reference: the record outlives it
    purpose   text NOT NULL,
    format    text NOT NULL,                             -- services.registry.data.formats.Format
    selection jsonb NOT NULL,                            -- as it was asked for
    created   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX export_actor ON register.export (actor, export_id);

CREATE TABLE register.export_file (                      -- what was handed out of it
    export_id   bigint NOT NULL REFERENCES register.export ON DELETE CASCADE,
    stream      text NOT NULL,
    rows        bigint NOT NULL DEFAULT 0,
    trimmed     bigint NOT NULL DEFAULT 0,               -- left out, since they lay in a private zone
    bytes       bigint NOT NULL DEFAULT 0,
    is_complete boolean NOT NULL DEFAULT false,
    fetches     integer NOT NULL DEFAULT 0,
    fetched     timestamptz,                             -- the last of them
    PRIMARY KEY (export_id, stream)
);

CREATE TABLE register.export_plan (                      -- what its bytes depend on: of this installation, not in backups
    export_id bigint PRIMARY KEY REFERENCES register.export ON DELETE CASCADE,
    plan      jsonb NOT NULL                             -- services.registry.data.plan.Plan
);

CREATE TABLE register.export_part (                      -- where it can go on; not in backups
    export_id  bigint NOT NULL REFERENCES register.export ON DELETE CASCADE,
    stream     text NOT NULL,
    number     integer NOT NULL,                         -- from 0
    rows       bigint NOT NULL,
    trimmed    bigint NOT NULL,
    stop       bigint NOT NULL,                          -- the byte behind it
    after_us   bigint NOT NULL,                          -- services.registry.data.pages.Place behind it
    after_key  integer NOT NULL,
    width_us   bigint NOT NULL,
    remembered bytea NOT NULL,                           -- what its format needs of it at the end
    PRIMARY KEY (export_id, stream, number)
);

CREATE TABLE register.pseudonym_key (key bytea NOT NULL); -- one row, of this installation: not in backups

CREATE TABLE register.private_zone (
    site_id text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    zone_id text NOT NULL,
    reason  text NOT NULL,
    polygon jsonb NOT NULL,                              -- GeoJSON, WGS-84, longitude before latitude
    PRIMARY KEY (site_id, zone_id)
);

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.export
    FOR EACH ROW EXECUTE FUNCTION register.record_change('export_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.export_file
    FOR EACH ROW EXECUTE FUNCTION register.record_change('export_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.private_zone
    FOR EACH ROW EXECUTE FUNCTION register.record_change('zone_id');

CREATE TABLE register.retention (                        -- instead of ingest's own settings
    stream     text PRIMARY KEY,                         -- a series of schema stream, message, report, remark, books
    keep_hours integer CHECK (keep_hours >= 1)           -- null: for ever
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.retention
    FOR EACH ROW EXECUTE FUNCTION register.record_change('stream');
