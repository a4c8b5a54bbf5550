-- What devices are told: dispatches, which somebody asked for, and their orders, one a device; what devices are to be, and what they say they are.
CREATE TABLE register.dispatch (
    dispatch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    actor       text NOT NULL,
    topic       text NOT NULL,                           -- config, command, upgrade
    body        jsonb NOT NULL,                          -- what was asked for; an order's own says what its device was sent
    selection   jsonb NOT NULL,                          -- of which devices: ids, or filters
    devices     integer NOT NULL
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.dispatch
    FOR EACH ROW EXECUTE FUNCTION register.record_change('dispatch_id');

-- Numbers are those of credentials' changes too: both are answered on the same topic.
CREATE TABLE register.device_order (
    number      bigint PRIMARY KEY DEFAULT nextval('register.rotation'),
    dispatch_id bigint NOT NULL REFERENCES register.dispatch ON DELETE CASCADE,
    device_key  integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    topic       text NOT NULL,
    slot        text,                                    -- a newer order of a device's slot takes the older one's place
    body        jsonb NOT NULL,                          -- without seqNum
    state       text NOT NULL DEFAULT 'queued',          -- services.registry.orders.machine.State
    queued      timestamptz NOT NULL,
    expires     timestamptz NOT NULL,
    due         timestamptz,                             -- when it is sent next
    attempts    integer NOT NULL DEFAULT 0,
    pause_s     integer NOT NULL DEFAULT 2,
    sent        timestamptz,
    delivered   timestamptz,
    settled     timestamptz,
    code        integer,                                 -- the device's errorCode
    detail      text NOT NULL DEFAULT '',
    answer      jsonb,
    answers     integer NOT NULL DEFAULT 0,
    is_late     boolean NOT NULL DEFAULT false
);
CREATE INDEX device_order_device ON register.device_order (device_key, number);
CREATE INDEX device_order_dispatch ON register.device_order (dispatch_id, number);
CREATE INDEX device_order_due ON register.device_order (due) WHERE state IN ('queued', 'sent', 'delivered');
CREATE INDEX device_order_expires ON register.device_order (expires) WHERE state IN ('queued', 'sent', 'delivered');
CREATE INDEX device_order_slot ON register.device_order (device_key, slot) WHERE state IN ('queued', 'sent', 'delivered');
CREATE INDEX device_order_settled ON register.device_order (settled) WHERE settled IS NOT NULL;

CREATE TABLE register.desired (
    device_key integer PRIMARY KEY REFERENCES register.device ON DELETE CASCADE,
    document   jsonb NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.desired
    FOR EACH ROW EXECUTE FUNCTION register.record_change('device_key');

CREATE TABLE register.reported (
    device_key    integer PRIMARY KEY REFERENCES register.device ON DELETE CASCADE,
    config        jsonb,                                 -- null: it has never said
    config_said   timestamptz,                           -- by the device's clock, but never later than it was heard
    versions      jsonb,                                 -- what is installed, name → version
    versions_said timestamptz,
    heard         timestamptz NOT NULL,
    strays        integer NOT NULL DEFAULT 0             -- answers to what it was never sent
);
