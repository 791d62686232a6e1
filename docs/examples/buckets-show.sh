importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --quiet
importer buckets show birds
importer buckets show bird
