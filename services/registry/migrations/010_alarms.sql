-- Alarms, what they depend on, and who is told.
CREATE TABLE register.alarm (
    alarm_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL,                       -- services.registry.alarms.kinds
    subject         text NOT NULL,                       -- id of the device, vehicle, area … that it is about
    part            text NOT NULL DEFAULT '',            -- what of it, such as a stream
    site_id         text REFERENCES register.site ON DELETE CASCADE, -- null: of the whole installation
    device_key      integer REFERENCES register.device ON DELETE CASCADE, -- null: about no device
    severity        text NOT NULL,
    state           text NOT NULL DEFAULT 'pending',     -- pending, raised, clearing, cleared: services/registry/alarms/rows.py
    value           double precision,                    -- what was measured when it began
    bound           double precision,                    -- and what it passed
    detail          jsonb NOT NULL DEFAULT '{}',
    since           timestamptz NOT NULL,                -- of what it says
    raised          timestamptz,
    cleared         timestamptz,
    due             timestamptz,                         -- pending: when it is raised; clearing: when it is cleared
    clear_after_s   double precision NOT NULL DEFAULT 0,
    acknowledged    timestamptz,
    acknowledged_by text,
    comment         text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alarm_open ON register.alarm (kind, subject, part) WHERE state <> 'cleared';
CREATE INDEX alarm_due ON register.alarm (due) WHERE due IS NOT NULL;
CREATE INDEX alarm_site ON register.alarm (site_id, alarm_id);
CREATE INDEX alarm_device ON register.alarm (device_key) WHERE device_key IS NOT NULL;

-- What became of each, by whom: only ever added to.
CREATE TABLE register.alarm_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint NOT NULL REFERENCES register.alarm ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    event    text NOT NULL,                              -- raised, acknowledged, cleared
    actor    text NOT NULL,
    comment  text NOT NULL DEFAULT ''
);
CREATE INDEX alarm_event_alarm ON register.alarm_event (alarm_id, event_id);

CREATE TABLE register.threshold (
    threshold_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,
    site_id       text REFERENCES register.site ON DELETE CASCADE,
    device_kind   text,                                  -- chelu.topics.Kind
    device_key    integer REFERENCES register.device ON DELETE CASCADE,
    bound         double precision,                      -- null here and below: as the next wider one, at last the kind's own
    clear_bound   double precision,
    raise_after_s double precision,
    clear_after_s double precision,
    severity      text,
    is_enabled    boolean
);
CREATE UNIQUE INDEX threshold_scope ON register.threshold
    (kind, coalesce(site_id, ''), coalesce(device_kind, ''), coalesce(device_key, 0));

CREATE TABLE register.maintenance (
    maintenance_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id        text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    device_key     integer REFERENCES register.device ON DELETE CASCADE, -- null: the whole site
    kinds          text[],                               -- null: every kind that may be kept quiet
    starts         timestamptz NOT NULL,
    ends           timestamptz NOT NULL,
    reason         text NOT NULL DEFAULT '',
    created_by     text NOT NULL
);
CREATE INDEX maintenance_site ON register.maintenance (site_id, ends);

CREATE TABLE register.webhook (
    name         text PRIMARY KEY,
    url          text NOT NULL,
    secret       text NOT NULL,                          -- signs what is sent: it has to be known, not only verified
    site_id      text REFERENCES register.site ON DELETE CASCADE, -- null: every site
    least        text NOT NULL DEFAULT 'info',           -- least severity
    kinds        text[],                                 -- null: every kind
    is_enabled   boolean NOT NULL DEFAULT true,
    created      timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE register.delivery (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook     text NOT NULL REFERENCES register.webhook ON DELETE CASCADE,
    event_id    bigint REFERENCES register.alarm_event ON DELETE CASCADE, -- null: a trial
    body        jsonb NOT NULL,                          -- as it was when it happened
    state       text NOT NULL DEFAULT 'waiting',         -- waiting, delivered, dead
    attempts    integer NOT NULL DEFAULT 0,
    created     timestamptz NOT NULL,
    due         timestamptz NOT NULL,
    settled     timestamptz,
    answer      text NOT NULL DEFAULT ''                 -- the last one: a status, or what kept it from being sent
);
CREATE INDEX delivery_due ON register.delivery (due) WHERE state = 'waiting';
CREATE INDEX delivery_webhook ON register.delivery (webhook, delivery_id);

CREATE FUNCTION register.severity_rank(text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    array_position(ARRAY['info', 'warning', 'major', 'critical'], $1);

-- Whoever changes an alarm leaves an event, in the same transaction.
CREATE FUNCTION register.note_alarms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO register.alarm_event (alarm_id, at, event, actor, comment)
    SELECT alarm_id, happened.at, happened.event,
        coalesce(nullif(current_setting('chelu.actor', true), ''), 'database user ' || session_user), happened.comment
    FROM latter JOIN former USING (alarm_id), LATERAL (VALUES
            ('raised', former.raised, latter.raised, ''),
            ('acknowledged', former.acknowledged, latter.acknowledged, latter.comment),
            ('cleared', former.cleared, latter.cleared, CASE WHEN latter.comment <> former.comment THEN latter.comment ELSE '' END)
        ) AS happened (event, before, at, comment)
    WHERE happened.at IS NOT NULL AND happened.at IS DISTINCT FROM happened.before
    ORDER BY alarm_id;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON register.alarm
    REFERENCING OLD TABLE AS former NEW TABLE AS latter FOR EACH STATEMENT EXECUTE FUNCTION register.note_alarms();

CREATE FUNCTION register.microseconds(timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (extract(epoch FROM $1) * 1000000)::bigint;

-- And whoever wants to know is told of it: what is to be delivered is written with what it is about, so that neither is lost alone.
CREATE FUNCTION register.deliver_alarms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO register.delivery (webhook, event_id, body, created, due)
    SELECT webhook.name, happened.event_id, jsonb_build_object(
            'event', happened.event, 'event_id', happened.event_id, 'at_us', register.microseconds(happened.at),
            'actor', happened.actor, 'comment', happened.comment, 'alarm_id', alarm.alarm_id, 'kind', alarm.kind,
            'subject', alarm.subject, 'part', alarm.part, 'site_id', alarm.site_id, 'severity', alarm.severity,
            'value', alarm.value, 'bound', alarm.bound, 'detail', alarm.detail, 'since_us', register.microseconds(alarm.since)),
        happened.at, happened.at
    FROM happened JOIN register.alarm USING (alarm_id) JOIN register.webhook ON webhook.is_enabled
        AND (webhook.site_id IS NULL OR webhook.site_id = alarm.site_id)
        AND (webhook.kinds IS NULL OR alarm.kind = ANY(webhook.kinds))
        AND register.severity_rank(alarm.severity) >= register.severity_rank(webhook.least)
    ORDER BY happened.event_id;
    RETURN NULL;
END $$;
CREATE TRIGGER deliver AFTER INSERT ON register.alarm_event
    REFERENCING NEW TABLE AS happened FOR EACH STATEMENT EXECUTE FUNCTION register.deliver_alarms();

CREATE OR REPLACE FUNCTION register.audited(line jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN
    line - '{search,verifier,next_verifier,hash,password,secret}'::text[];

-- That an alarm is raised and cleared is in alarm_event; what people make of it is a change like others.
CREATE TRIGGER audit AFTER UPDATE OF acknowledged, comment ON register.alarm
    FOR EACH ROW WHEN (OLD.acknowledged IS DISTINCT FROM NEW.acknowledged OR OLD.comment <> NEW.comment)
    EXECUTE FUNCTION register.record_change('alarm_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.threshold
    FOR EACH ROW EXECUTE FUNCTION register.record_change('kind');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.maintenance
    FOR EACH ROW EXECUTE FUNCTION register.record_change('maintenance_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.webhook
    FOR EACH ROW EXECUTE FUNCTION register.record_change('name');
