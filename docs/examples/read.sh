importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --quiet
importer read birds --start 2024-03-01 --stop 2024-03-03 --tag individual=Aino --field lat --field lon
importer read birds --start 2024-01-01 --stop 2025-01-01 --aggregate 13w --fn max --field height --tag individual=Aino --tag individual=Eelis --format table
importer read birds --output birds.parquet --write-mapping birds-again.toml
importer load birds.parquet --mapping birds-again.toml --bucket birds-copy --quiet
importer backup birds --to saved --quiet
importer read --from-backup saved --start 2024-03-01 --stop 2024-03-02 --tag individual=Aino --field lat --field lon
importer read birds --window 30x
