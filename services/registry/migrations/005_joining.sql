-- Devices that want to join: provisioning keys, who waits with what, what they say meanwhile; and credentials that are being changed.
CREATE TABLE register.provisioning_key (
    name      text PRIMARY KEY,
    site_id   text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    verifier  text NOT NULL,                             -- of the one password of all its accounts
    places    integer NOT NULL,                          -- sessions at a time; chelu.provisioning
    max_joins integer NOT NULL,
    joins     integer NOT NULL DEFAULT 0,                -- devices registered that came with it
    expires   timestamptz NOT NULL,
    revoked   timestamptz,
    created   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provisioning_key_site ON register.provisioning_key (site_id, name);

CREATE TABLE register.joining (
    serial      text NOT NULL,                           -- what it calls itself
    fingerprint text NOT NULL,                           -- of the verifier: two that claim one serial are two rows
    key_name    text NOT NULL REFERENCES register.provisioning_key ON DELETE CASCADE,
    place       text NOT NULL,                           -- where it was heard last, so where it is answered
    verifier    text NOT NULL,                           -- of the secret that the device made for itself
    said        jsonb NOT NULL,
    state       text NOT NULL DEFAULT 'waiting',         -- services.registry.joining_models.State
    device_key  integer REFERENCES register.device ON DELETE CASCADE,
    first_heard timestamptz NOT NULL DEFAULT now(),
    last_heard  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (serial, fingerprint)
);
CREATE INDEX joining_key ON register.joining (key_name, last_heard);
CREATE INDEX joining_device ON register.joining (device_key) WHERE device_key IS NOT NULL;

CREATE TABLE register.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial        text NOT NULL,
    topic         text NOT NULL,
    payload       bytea NOT NULL,
    heard         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quarantine_serial ON register.quarantine (serial, quarantine_id);

ALTER TABLE register.credential
    ADD COLUMN rotation      bigint,                     -- number of the change that is under way
    ADD COLUMN rotation_by   text,                       -- device: it makes the new secret; hand: somebody puts it in
    ADD COLUMN next_verifier text,                       -- by hand: of the new secret
    ADD COLUMN next_until    timestamptz;                -- by hand: then the new one counts; by device: then the old one stays
CREATE INDEX credential_next ON register.credential (next_until) WHERE rotation IS NOT NULL;
CREATE SEQUENCE register.rotation;

CREATE OR REPLACE FUNCTION register.audited(line jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN
    line - '{search,verifier,next_verifier,hash,password}'::text[];

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.provisioning_key
    FOR EACH ROW EXECUTE FUNCTION register.record_change('name');
-- What strangers say changes nothing of the register; what is decided about them does.
CREATE TRIGGER audit AFTER UPDATE OF state ON register.joining
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION register.record_change('serial');
