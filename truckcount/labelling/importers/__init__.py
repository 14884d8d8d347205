"""Other tools' label files to label sets: one importer a format."""
