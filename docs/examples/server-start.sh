# A local InfluxDB for people who have no other; any command that needs one starts it, too.
importer server start
importer server start
importer server stop
