# In the background, so that the shell can call it. docs/service.md shows the whole API.
importer serve --port 8000 --allow-folder sample_data > requests.log 2> serve.log & echo $! > serve.pid
curl -s --retry 60 --retry-connrefused --retry-delay 1 -w '\n' http://127.0.0.1:8000/ready
cat serve.log
curl -s -w '\n' http://127.0.0.1:8000/ingest -H 'Content-Type: application/json' \
    -d '{"points": [{"metric": "temperature", "timestamp": "2024-05-01T12:00:00Z", "value": 21.5, "tags": {"room": "hall"}}]}'
curl -s -w '\n' http://127.0.0.1:8000/query -H 'Content-Type: application/json' -d '{"metric": "temperature"}'
curl -s -w '\n' http://127.0.0.1:8000/read/berds/list
kill $(cat serve.pid)
# Others must not reach it without a token:
importer serve --host 0.0.0.0 --port 8000
