# The same seed gives the same bytes on every machine.
importer generate m1 --points 4 --seed 7
importer generate telemetry --points 3 --format lp
# As a file, with the mapping under which it is loaded.
importer generate telemetry --points 5000 -o telemetry.csv --write-mapping telemetry.toml
# Straight into a bucket: all of it, checked by the server, or nothing.
importer generate m1 --points 20000 --batch-size 7000 --bucket m1
