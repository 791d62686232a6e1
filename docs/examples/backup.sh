importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --quiet
importer backup birds --to before-the-move
importer backup birds --to before-the-move
