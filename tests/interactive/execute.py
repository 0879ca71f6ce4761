"""Execute a notebook in the working directory: ``python execute.py NOTEBOOK EXECUTED``.

In a process of its own: at its end, the client leaves sockets that are not closed, which is a warning.
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
    with tempfile.TemporaryDirectory() as folder:
        # Over TCP, the kernel warns that others may listen.
        config = Config({"ConnectionFileMixin": {"transport": "ipc", "ip": f"{folder}/kernel"}})
        NotebookClient(notebook, config=config, kernel_name="python3", timeout=MOST_SECONDS).execute()
    nbformat.write(notebook, executed)
