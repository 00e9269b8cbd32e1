"""Other libraries on the same split files, each in an environment of its own."""
