"""What people ask: recommendations for them, and a record of what they did with these."""
