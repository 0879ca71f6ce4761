"""A live page of searches: what their files say, watched, and told to browsers on this machine."""
