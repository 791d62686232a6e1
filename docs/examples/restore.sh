importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --quiet
importer backup birds --to before-the-move --quiet
importer restore before-the-move
importer restore before-the-move --as birds-as-they-were
importer buckets delete birds --yes
importer restore before-the-move --json
