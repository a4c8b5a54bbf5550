-- Two sites may have areas of the same id, and the same stranger: what there is one open alarm of is of one site.
DROP INDEX register.alarm_open;
CREATE UNIQUE INDEX alarm_open ON register.alarm (kind, subject, part, coalesce(site_id, '')) WHERE state <> 'cleared';
