printf '%s\n' '[[buckets]]' 'name = "sensors"' 'description = "Room by room"' 'retention = "30d"' 'shard_duration = "1d"' '[[buckets]]' 'name = "weather"' > buckets.toml
importer buckets apply buckets.toml --dry-run
importer buckets apply buckets.toml
sed -i 's/30d/60d/' buckets.toml
importer buckets apply buckets.toml
