importer clean
