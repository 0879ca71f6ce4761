"""Search spaces of other tools, read and written as a config of gridfold."""
