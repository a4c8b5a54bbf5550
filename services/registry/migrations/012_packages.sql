-- Firmware and models: whose signatures count, packages, which version may become which, what devices have fetched; and campaigns.
CREATE TABLE register.signing_key (
    name       text PRIMARY KEY,
    public_key text NOT NULL,                            -- Ed25519, hexadecimal
    revoked    timestamptz,
    created    timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.signing_key
    FOR EACH ROW EXECUTE FUNCTION register.record_change('name');

CREATE TABLE register.package (
    package_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component  text NOT NULL,                            -- firmware, model
    name       text NOT NULL,
    version    text NOT NULL,
    bytes      bigint NOT NULL,
    sha256     text NOT NULL,                            -- hexadecimal, and the file's name
    signature  text NOT NULL,
    key_name   text NOT NULL REFERENCES register.signing_key,
    created    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.package
    FOR EACH ROW EXECUTE FUNCTION register.record_change('package_id');

CREATE TABLE register.upgrade_rule (
    rule_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id   bigint NOT NULL REFERENCES register.package ON DELETE CASCADE,
    vendor       text REFERENCES register.organisation,  -- null: any
    model        text,                                   -- null: any
    from_version text                                    -- null: any, also one that is not known
);
CREATE INDEX upgrade_rule_package ON register.upgrade_rule (package_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.upgrade_rule
    FOR EACH ROW EXECUTE FUNCTION register.record_change('package_id');

CREATE TABLE register.fetched (                          -- how much of a package a device has been given, from its beginning
    device_key integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    package_id bigint NOT NULL REFERENCES register.package ON DELETE CASCADE,
    bytes      bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_key, package_id)
);
CREATE TABLE register.token_key (key bytea NOT NULL);    -- one row, of this installation: not in backups

CREATE TABLE register.campaign (
    campaign_id  text PRIMARY KEY,
    actor        text NOT NULL,
    topic        text NOT NULL,                          -- config, upgrade
    change       jsonb,                                  -- config: what is changed
    package_id   bigint REFERENCES register.package,     -- upgrade
    selection    jsonb NOT NULL,
    most_at_once integer NOT NULL,
    most_failed  double precision NOT NULL,              -- share of those that have ended
    least_ended  integer NOT NULL,                       -- before the share counts; a wave that has ended is judged however small
    on_failure   text NOT NULL,                          -- stop, roll back
    lasting_s    double precision NOT NULL,
    phase        text NOT NULL DEFAULT 'running',        -- services.registry.campaigns.planner.Phase
    reason       text NOT NULL DEFAULT '',
    dispatch_id  bigint REFERENCES register.dispatch,
    created      timestamptz NOT NULL DEFAULT now(),
    changed      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX campaign_phase ON register.campaign (phase);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.campaign
    FOR EACH ROW EXECUTE FUNCTION register.record_change('campaign_id');

CREATE TABLE register.campaign_target (
    campaign_id text NOT NULL REFERENCES register.campaign ON DELETE CASCADE,
    device_key  integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    wave        integer NOT NULL,                        -- from 0
    number      bigint REFERENCES register.device_order, -- null: its turn has not come
    before      jsonb,                                   -- what it goes back to: a document, or {"version": …}
    back        bigint REFERENCES register.device_order, -- the order that takes it back
    PRIMARY KEY (campaign_id, device_key)
);
CREATE INDEX campaign_target_number ON register.campaign_target (number) WHERE number IS NOT NULL;
CREATE INDEX campaign_target_back ON register.campaign_target (back) WHERE back IS NOT NULL;
CREATE INDEX campaign_target_device ON register.campaign_target (device_key);
