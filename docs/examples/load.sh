importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds
importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --dry-run --limit 2
# Without a mapping: what was decided is on standard error.
importer load sample_data/bird_migration.csv > summary.txt
# Annotated CSV says itself what its columns are:
importer load sample_data/weather_annotated.csv --bucket weather --dry-run --quiet
importer load sample_data/bird_migration.csv --bucket birds --measurement fixes --time timestampp --field lat=location-lat:float
