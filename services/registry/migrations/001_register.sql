-- The register: what is on the site, and what each part may do. One writer: services/registry.
-- Readers (ingest, inference) load it by SQL and hear of changes on the channel "register", whose payload is the table's name.
CREATE SCHEMA IF NOT EXISTS register;

CREATE TABLE register.site (
    site_id       text PRIMARY KEY,
    name          text NOT NULL,
    latitude_deg  double precision NOT NULL,             -- origin of the site's local frame, WGS-84
    longitude_deg double precision NOT NULL,
    elevation_m   double precision NOT NULL DEFAULT 0,   -- above the WGS-84 ellipsoid
    time_zone     text NOT NULL DEFAULT 'Asia/Shanghai', -- IANA name
    created       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE register.device (
    device_key    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     text NOT NULL UNIQUE,                  -- MQTT user name = client id
    kind          text NOT NULL,                         -- chelu.topics.Kind
    subtype       text,
    site_id       text NOT NULL REFERENCES register.site,
    name          text NOT NULL DEFAULT '',
    parent_key    integer REFERENCES register.device,
    standard      text NOT NULL DEFAULT 'YD/T 3709-2020',
    envelope      text NOT NULL DEFAULT 'auto',          -- chelu.codec.envelope.Envelope
    vehicle_id    bigint,                                -- a BSM's 8-byte id, big-endian, in two's complement
    latitude_deg  double precision,
    longitude_deg double precision,
    elevation_m   double precision,
    labels        jsonb NOT NULL DEFAULT '{}',
    created       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX device_site ON register.device (site_id, device_key);
CREATE INDEX device_parent ON register.device (parent_key) WHERE parent_key IS NOT NULL;

CREATE TABLE register.credential (
    device_key integer PRIMARY KEY REFERENCES register.device ON DELETE CASCADE,
    verifier   text NOT NULL,                            -- $7$iterations$salt$hash, as mosquitto has it
    created    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE register.service_account (
    name     text PRIMARY KEY,
    verifier text NOT NULL
);

CREATE TABLE register.api_key (
    name    text PRIMARY KEY,
    hash    bytea NOT NULL UNIQUE,                       -- SHA-256 of a random key
    created timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE register.road_network (
    site_id text NOT NULL REFERENCES register.site,
    version integer NOT NULL,
    format  text NOT NULL,                               -- 'sumo'
    content bytea NOT NULL,                              -- gzip
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, version)
);

CREATE TABLE register.history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,                            -- name of the API key
    action     text NOT NULL,
    subject    text NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}'
);

CREATE FUNCTION register.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('register', TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.site
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.device
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.credential
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.road_network
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();
