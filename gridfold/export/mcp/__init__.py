"""A server of the Model Context Protocol: agents look at searches, and run them if they may."""
