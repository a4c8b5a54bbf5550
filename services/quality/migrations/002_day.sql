-- Assessments of days (UTC): items added up, not shares of hours, so that a quiet hour weighs less than a busy one.
CREATE VIEW quality.day AS
    SELECT site_id, monitor, device_key, region, node, part, date_trunc('day', hour, 'UTC') AS day,
        sum(judged)::bigint AS judged, sum(bad)::bigint AS bad,
        coalesce(sum(bad) / nullif(sum(judged), 0)::double precision, 0) AS share
    FROM quality.assessment GROUP BY site_id, monitor, device_key, region, node, part, date_trunc('day', hour, 'UTC');
