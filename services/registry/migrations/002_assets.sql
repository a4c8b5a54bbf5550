-- Organisations, sites' areas, and what a device is beyond its name: maker, place, lifecycle; vehicles; search.
CREATE TABLE register.organisation (
    organisation_id text PRIMARY KEY,
    role            text NOT NULL,                       -- operator, vehicle team, vendor
    name            text NOT NULL DEFAULT '',
    contact         text NOT NULL DEFAULT '',
    version         integer NOT NULL DEFAULT 1,
    created         timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.organisation
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();

ALTER TABLE register.site
    ADD COLUMN area     jsonb,                           -- GeoJSON Polygon, WGS-84, longitude before latitude
    ADD COLUMN operator text REFERENCES register.organisation,
    ADD COLUMN version  integer NOT NULL DEFAULT 1;      -- counts changes; the ETag
CREATE INDEX site_operator ON register.site (operator) WHERE operator IS NOT NULL;

-- The words of a text, in small letters: what lies between spaces and punctuation, and each CJK character by itself.
CREATE FUNCTION register.words(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    array_remove(regexp_split_to_array(regexp_replace(lower($1), '([\u2E80-\u9FFF])', ' \1 ', 'g'), '[\s!-/:-@\[-`{-~\u00B7\u3000-\u303F\uFF01-\uFF0F]+'), '');

-- A search: every word of the text begins a word of what is searched.
CREATE FUNCTION register.search(text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (SELECT string_agg(quote_literal(word) || ':*', ' & ')::tsquery FROM unnest(register.words($1)) AS word);

ALTER TABLE register.device
    ADD COLUMN profile          text,                    -- how the device uses its standard: an operator's or maker's document
    ADD COLUMN profile_version  text,
    ADD COLUMN vendor           text REFERENCES register.organisation,
    ADD COLUMN model            text,
    ADD COLUMN serial           text,                    -- the maker's number, an RSU's ESN
    ADD COLUMN heading_deg      double precision,        -- where it looks or listens, clockwise from north
    ADD COLUMN mounting         jsonb,
    ADD COLUMN calibration      jsonb,
    ADD COLUMN lifecycle        text NOT NULL DEFAULT 'registered', -- services.registry.lifecycle.Lifecycle
    ADD COLUMN on_vehicle_key   integer REFERENCES register.device, -- the vehicle that carries it
    ADD COLUMN vin              text,                    -- from here on of vehicles only
    ADD COLUMN plate            text,
    ADD COLUMN vehicle_kind     text,
    ADD COLUMN length_m         double precision,
    ADD COLUMN width_m          double precision,
    ADD COLUMN height_m         double precision,
    ADD COLUMN automation_level smallint,                -- GB/T 40429 and SAE J3016: 0..5
    ADD COLUMN team             text REFERENCES register.organisation,
    ADD COLUMN version          integer NOT NULL DEFAULT 1;

ALTER TABLE register.device ADD COLUMN search tsvector GENERATED ALWAYS AS (array_to_tsvector(register.words(
    device_id || ' ' || name || ' ' || coalesce(subtype, '') || ' ' || coalesce(vendor, '') || ' ' || coalesce(model, '') || ' '
    || coalesce(serial, '') || ' ' || coalesce(vin, '') || ' ' || coalesce(plate, '') || ' ' || coalesce(team, '')))) STORED;

CREATE UNIQUE INDEX device_vin ON register.device (vin) WHERE vin IS NOT NULL;
CREATE UNIQUE INDEX device_serial ON register.device (serial, coalesce(vendor, '')) WHERE serial IS NOT NULL;
CREATE INDEX device_on_vehicle ON register.device (on_vehicle_key) WHERE on_vehicle_key IS NOT NULL;
CREATE INDEX device_search ON register.device USING gin (search);
CREATE INDEX device_labels ON register.device USING gin (labels jsonb_path_ops);
CREATE INDEX device_by_site ON register.device (site_id, device_id);
CREATE INDEX device_by_kind ON register.device (kind, device_id);
CREATE INDEX device_by_lifecycle ON register.device (lifecycle, device_id);
CREATE INDEX device_by_vendor ON register.device (vendor, device_id) WHERE vendor IS NOT NULL;
CREATE INDEX device_by_model ON register.device (model, device_id) WHERE model IS NOT NULL;
CREATE INDEX device_by_team ON register.device (team, device_id) WHERE team IS NOT NULL;

CREATE TABLE register.lifecycle (
    device_key integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    former     text,                                     -- null: it was entered in this state
    state      text NOT NULL,
    actor      text NOT NULL,
    note       text NOT NULL DEFAULT ''
);
CREATE INDEX lifecycle_device ON register.lifecycle (device_key, at);
