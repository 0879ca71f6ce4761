"""Execute a notebook in the working directory: ``python execute.py NOTEBOOK EXECUTED``.

In a process of its own: at its end, the client leaves sockets that are not closed, which is a warning. What the kernel
says is passed on, up to the last cell: told to end, it may close its sockets while it still writes to them.
"""

import sys
import tempfile

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

MOST_SECONDS = 300

if __name__ == "__main__":
    source, executed = sys.argv[1:]
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("r+") as said:
        # Over TCP, the kernel warns that others may listen.
        config = Config({"ConnectionFileMixin": {"transport": "ipc", "ip": f"{folder}/kernel"}})
        client = NotebookClient(notebook, config=config, kernel_name="python3", timeout=MOST_SECONDS)
        with client.setup_kernel(stdout=said, stderr=said):
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            said.seek(0)
            sys.stderr.write(said.read())
    nbformat.write(notebook, executed)
