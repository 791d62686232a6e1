importer server status
importer server start
importer server status
importer server stop
