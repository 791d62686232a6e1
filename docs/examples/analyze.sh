importer load sample_data/bird_migration.csv --mapping sample_data/bird_migration.toml --bucket birds --quiet
importer analyze birds --html birds.html
# One field of two birds, spring only:
importer analyze birds --field lat --by individual --tag individual=Aino --tag individual=Ciro --start 2024-03-01
importer analyze birds --by indvidual
