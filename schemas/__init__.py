"""What the data is: feature records, canonical tables and curated schemas."""
