importer server start
importer server stop
importer server stop
