-- What is new waits in a list of each index over words and labels, and every search reads that list: it may not grow to the 4 MB
-- (500 pages) that are usual. After 100,000 devices were registered at once searches took 4 to 17 ms, mostly for that.
ALTER INDEX register.device_search SET (gin_pending_list_limit = 256);
ALTER INDEX register.device_labels SET (gin_pending_list_limit = 256);
SELECT gin_clean_pending_list('register.device_search');
SELECT gin_clean_pending_list('register.device_labels');
