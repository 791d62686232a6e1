importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds
importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --dry-run --limit 2
importer load sample_data/bird_migration.csv --bucket birds --measurement fixes --time timestampp --field lat=location-lat:float
