"""What protects people: pseudonyms, sealed files, erasure."""
