-- What came in a while is asked for by arrival, whatever time it speaks of.
CREATE INDEX report_arrival ON stream.report USING brin (arrival);
