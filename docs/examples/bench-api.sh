# A service to measure. Real runs take 10 s a step, the default, and nothing else runs meanwhile.
importer serve --port 8000 > requests.log 2> serve.log & echo $! > serve.pid
curl -s --retry 60 --retry-connrefused --retry-delay 1 -w '\n' http://127.0.0.1:8000/ready
importer bench api --url http://127.0.0.1:8000 --clients 1,4 --seconds 1 --mix ingest --mix query --batch-points 100
kill $(cat serve.pid)
