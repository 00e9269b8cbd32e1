"""What people did, kept so that nothing is lost, and written out to be learnt from."""
