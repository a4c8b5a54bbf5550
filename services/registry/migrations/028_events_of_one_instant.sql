-- Two faults may be said in one word, and two areas entered at one look: each is an event of its own.
DROP INDEX register.vehicle_event_once;
CREATE UNIQUE INDEX vehicle_event_once ON register.vehicle_event
    (device_key, time, what, coalesce(detail ->> 'code', detail ->> 'area', '')) WHERE device_key IS NOT NULL;
