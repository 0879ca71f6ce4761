"""What other tools are told of a search: while it runs (``--track``), and when it is over (``gridfold export``)."""
