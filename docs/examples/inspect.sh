importer inspect sample_data/bird_migration.csv --write birds.toml --plot birds.svg
# How the text is written, for a program:
importer inspect sample_data/bird_migration.csv --sample 1000 --json | grep -A 10 '"dialect"'
importer load sample_data/bird_migration.csv --mapping birds.toml --bucket birds --quiet
importer inspect sample_data/weather_annotated.csv
