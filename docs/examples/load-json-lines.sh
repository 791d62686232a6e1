printf '%s\n' '{"t": 1600000000, "bird": "Aino", "pos": {"lat": 61.69}, "n": 9007199254740993}' '{"t": 1600000060, "bird": "Nils", "n": 2}' > birds.jsonl
importer load birds.jsonl --bucket birds --measurement birds --time t --time-format unix_s --tag bird --field lat=pos.lat:float --field n:integer --dry-run
